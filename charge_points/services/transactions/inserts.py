"""New rows of transactions: one statement for all."""

from collections.abc import Sequence
from typing import Final

from charge_points.models import Transaction
from charge_points.services.rows import fetch_columns, numbers, texts

# Columns that are not here have defaults in the database.
_INSERT: Final = """
INSERT INTO charge_points_transaction
    (operator_id, charge_point_id, connector_id, episode_id, evse_number,
     connector_number, ocpp_version, ocpp_id, natural_key, state, started_by,
     order_number, id_token, id_token_type, id_token_status, remote_start_id, offline,
     started_at, received_at, announced_at, meter_start_wh, last_seen_at,
     energy_limit_wh, ends_by)
SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[],
    %s::smallint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::boolean[],
    %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::numeric[],
    %s::timestamptz[], %s::bigint[], %s::timestamptz[])
ON CONFLICT DO NOTHING RETURNING id, charge_point_id, ocpp_id
"""


def insert_transactions(rows: Sequence[Transaction]) -> list[Transaction]:
    """Insert rows and set their ``pk``.

    Returns:
        Those that were inserted; the others were there already (any unique key).
    """
    if not rows:
        return []
    found = fetch_columns(
        _INSERT,
        [
            numbers([row.operator_id for row in rows]),
            numbers([row.charge_point_id for row in rows]),
            numbers([row.connector_id for row in rows]),
            numbers([row.episode_id for row in rows]),
            numbers([row.evse_number for row in rows]),
            numbers([row.connector_number for row in rows]),
            texts([row.ocpp_version for row in rows]),
            texts([row.ocpp_id for row in rows]),
            texts([row.natural_key for row in rows]),
            texts([row.state for row in rows]),
            texts([row.started_by for row in rows]),
            texts([row.order_number for row in rows]),
            texts([row.id_token for row in rows]),
            texts([row.id_token_type for row in rows]),
            texts([row.id_token_status for row in rows]),
            numbers([row.remote_start_id for row in rows]),
            numbers([row.offline for row in rows]),
            numbers([row.started_at for row in rows]),
            numbers([row.received_at for row in rows]),
            numbers([row.announced_at for row in rows]),
            numbers([row.meter_start_wh for row in rows]),
            numbers([row.last_seen_at for row in rows]),
            numbers([row.energy_limit_wh for row in rows]),
            numbers([row.ends_by for row in rows]),
        ],
    )
    keys = {(station_id, ocpp_id): pk for pk, station_id, ocpp_id in found}
    inserted = []
    for row in rows:
        pk = keys.pop((row.charge_point_id, row.ocpp_id), None)
        if pk is not None:
            row.pk = pk
            row._state.adding = False  # noqa: SLF001 - what save() would have done
            inserted.append(row)
    return inserted


_LOCKED: Final = """
SELECT charge.* FROM charge_points_transaction AS charge
WHERE charge.id = ANY(%s::bigint[]) ORDER BY charge.id FOR NO KEY UPDATE
"""
_LOCKED_BY_NAME: Final = """
SELECT charge.* FROM unnest(%s::bigint[], %s::text[]) AS wanted (station_id, ocpp_id)
JOIN charge_points_transaction AS charge
  ON charge.charge_point_id = wanted.station_id AND charge.ocpp_id = wanted.ocpp_id
ORDER BY charge.id FOR NO KEY UPDATE OF charge
"""


def lock_transactions(ids: Sequence[int]) -> dict[int, Transaction]:
    """Lock and load rows, in the order that everybody locks them in."""
    if not ids:
        return {}
    return {row.pk: row for row in Transaction.objects.raw(_LOCKED, [numbers(ids)])}


def lock_by_name(
    names: Sequence[tuple[int, str]],
) -> dict[tuple[int, str], Transaction]:
    """As ``lock_transactions``, by (charge point id, OCPP id)."""
    if not names:
        return {}
    found = Transaction.objects.raw(
        _LOCKED_BY_NAME,
        [numbers([key for key, _ in names]), texts([name for _, name in names])],
    )
    return {(row.charge_point_id, row.ocpp_id): row for row in found}
