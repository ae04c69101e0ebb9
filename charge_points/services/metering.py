"""Meter values, set-wise: the hot path of the gateway.

One SELECT, one INSERT and one UPDATE for all messages that wait together, whatever
their number. Energy comes from registers only: batches of SoC, voltage or clock-aligned
values never move it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from charge_points.services import corrections, refused_charges, security
from charge_points.services.facts import (
    CONTEXT_CLOCK,
    MeterBatch,
    SampleLike,
    SecurityRow,
)
from charge_points.services.limits import stop_exceeded
from charge_points.services.running import Running, load, save
from charge_points.services.samples import Stored, insert_samples
from charge_points.services.smart_charging import transaction_limits

SAMPLES_PER_MESSAGE_MAX: Final = 1000
FOREIGN_EVENTS_MAX: Final = 10
"""Security events of one set: a station that guesses ids must not flood the table."""


@transaction.atomic(savepoint=False)
def record(batch: Sequence[MeterBatch]) -> None:
    """Store meter values and move the charges that they belong to.

    A repeat changes nothing. Values of another station's transaction are kept without
    it, and are a security event. Values after the stop are kept; where the end was
    estimated they correct it. A charge that reached its limit is asked to stop, once.
    """
    by_key = load(
        {
            (item.charge_point_id, item.ocpp_transaction_id)
            for item in batch
            if item.ocpp_transaction_id is not None
        }
    )
    by_place = _load_places(batch)
    stored: list[Stored] = []
    foreign: list[MeterBatch] = []
    late: set[int] = set()
    for item in batch:
        running = _running_of(item, by_key, by_place)
        if running is None and item.ocpp_transaction_id is not None:
            foreign.append(item)
        transaction_id = None if running is None else running.id
        samples = item.samples[:SAMPLES_PER_MESSAGE_MAX]
        stored += [(item, sample, transaction_id) for sample in samples]
        if running is not None:
            _advance(running, samples, item.received_at)
            if running.state == "ended" and running.estimated:
                late.add(running.id)
    insert_samples(stored)
    moved = (*by_key.values(), *by_place.values())
    finish({row.id: row for row in moved if row.seen_at is not None}.values())
    corrections.recompute(late)
    _report_foreign(foreign)


def finish(rows: Iterable[Running], *, ending: Collection[int] = ()) -> None:
    """Write what samples moved; stop what reached a limit, or was refused and runs.

    ``ending``: charges whose end comes in the same messages, so that it tells all.
    """
    progress = save(sorted(rows, key=lambda row: row.id))
    stop_exceeded(progress)
    refused = [
        one
        for one in progress
        if one.draws_refused and one.transaction_id not in ending
    ]
    if refused:
        at = max(one.at for one in refused)
        refused_charges.stop([one.transaction_id for one in refused], at=at)
    near = [one for one in progress if not (one.exceeded or one.draws_refused)]
    if near:
        at = max(one.at for one in near)
        transaction_limits.renew([one.transaction_id for one in near], at=at)


def _advance(
    running: Running, samples: Sequence[SampleLike], received_at: datetime
) -> None:
    running.touch(received_at)
    if len(samples) > 1:
        samples = sorted(samples, key=_sampled_at)
    for sample in samples:
        running.take(sample)


def _sampled_at(sample: SampleLike) -> datetime:
    return sample.sampled_at


def _running_of(
    item: MeterBatch,
    by_key: dict[tuple[int, str], Running],
    by_place: dict[tuple[int, int, int], Running],
) -> Running | None:
    if item.ocpp_transaction_id is not None:
        return by_key.get((item.charge_point_id, item.ocpp_transaction_id))
    running = by_place.get((item.charge_point_id, item.evse, item.connector))
    if running is None or all(s.context == CONTEXT_CLOCK for s in item.samples):
        return None
    began = all(sample.sampled_at >= running.started_at for sample in item.samples)
    return running if began else None


def _load_places(batch: Sequence[MeterBatch]) -> dict[tuple[int, int, int], Running]:
    """Charges that run on the connectors of messages without a transaction id."""
    places = {
        (item.charge_point_id, item.evse, item.connector)
        for item in batch
        if item.ocpp_transaction_id is None and item.evse
    }
    if not places:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT charge_point_id, ocpp_id, evse_number, connector_number "
            "FROM charge_points_transaction WHERE state = 'active' AND "
            "(charge_point_id, evse_number, connector_number) IN %s "
            "ORDER BY started_at",
            [tuple(sorted(places))],
        )
        keys = {(row[0], row[2], row[3]): (row[0], row[1]) for row in cursor.fetchall()}
    rows = load(set(keys.values()))
    return {place: rows[key] for place, key in keys.items() if key in rows}


def _report_foreign(batch: Sequence[MeterBatch]) -> None:
    """Of the transactions nobody knows here, those of other stations are a breach."""
    if not batch:
        return
    ids = tuple({item.ocpp_transaction_id for item in batch})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ocpp_id, charge_point_id FROM charge_points_transaction "
            "WHERE ocpp_version = '1.6' AND ocpp_id IN %s",
            [ids],
        )
        owners: dict[str, int] = dict(cursor.fetchall())
    rows = [
        SecurityRow(
            charge_point_id=item.charge_point_id,
            operator_id=item.operator_id,
            kind=security.FOREIGN_TRANSACTION,
            occurred_at=item.received_at,
            received_at=item.received_at,
            detail="Meter values for a transaction of another charge point.",
        )
        for item in batch
        if owners.get(item.ocpp_transaction_id or "", item.charge_point_id)
        != item.charge_point_id
    ]
    security.record_many(rows[:FOREIGN_EVENTS_MAX])
