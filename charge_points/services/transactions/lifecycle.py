"""Begin and end of charges, the same for both versions; for many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from charge_points import events
from charge_points.models import Transaction
from charge_points.models.states import TRANSACTION
from charge_points.services import handles, refused_charges, signed_values
from charge_points.services.energy import NOTHING, Settlement
from charge_points.services.rows import fetch_columns, numbers
from charge_points.services.settling import Case, save_ends, settle_many
from charge_points.services.smart_charging import transaction_limits
from charge_points.services.transactions.inserts import lock_transactions
from charge_points.services.transactions.places import identities_of
from cpms.outbox import publish_many

ENERGY_AFTER_REFUSAL: Final = "energy_after_refusal"
ENDS_BEFORE_START: Final = "ends_before_start"
NO_TOKEN: Final = "no_token"  # noqa: S105 - a reason
SUPERSEDED: Final = "SupersededByNewStart"
SILENT: Final = "NoStopReceived"
# Words of both versions for a vehicle that left.
UNPLUG_REASONS: Final = frozenset({"EVDisconnected"})
REASON_CHARS_MAX: Final = 40

_OLDER: Final = """
SELECT older.id
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[])
    AS newer (id, connector_id, started_at)
JOIN charge_points_transaction AS older
  ON older.connector_id = newer.connector_id AND older.state = 'active'
 AND older.started_at < newer.started_at AND older.id <> newer.id
"""


def announce_many(rows: Sequence[tuple[Transaction, bool]]) -> None:
    """Tell billing of charges; True: the order came while it ran already."""
    names = identities_of(row.charge_point_id for row, _ in rows)
    publish_many(
        [
            events.transaction_started(
                events.Begun(
                    transaction_id=row.pk,
                    operator_id=row.operator_id,
                    charge_point=names[row.charge_point_id],
                    evse=row.evse_number,
                    connector=row.connector_number,
                    order_number=row.order_number,
                    id_token=row.id_token,
                    id_token_type=row.id_token_type,
                    started_at=row.started_at,
                    started_by=row.started_by,
                    offline=row.offline,
                    meter_start_wh=row.meter_start_wh,
                ),
                attached=attached,
            )
            for row, attached in rows
        ]
    )
    live = [row for row, _ in rows if not row.offline]
    if live:
        transaction_limits.apply(live, at=max(row.last_seen_at for row in live))


@dataclass(frozen=True, slots=True)
class End:
    """How a charge ended; ``stop_wh`` None where the station gave no register."""

    row: Transaction
    ended_at: datetime
    received_at: datetime
    reason: str
    stop_wh: Decimal | None
    estimated: bool = False


def finish_many(ends: Sequence[End]) -> None:
    """End charges whose samples are all stored: settle, save, tell billing."""
    if not ends:
        return
    for end in ends:
        _close(end)
    verdicts = settle_many([Case(end.row, end.stop_wh) for end in ends])
    for end, verdict in zip(ends, verdicts, strict=True):
        _settle(end, verdict)
    rows = [end.row for end in ends]
    signed_values.review(rows)
    save_ends(rows)
    handles.mark_ended_many(
        {row.pk: row.last_seen_at for row in rows if row.order_number}
    )
    for end in ends:
        if refused_charges.draws_energy(end.row, end.row.energy_wh or NOTHING):
            refused_charges.tell([end.row], at=end.received_at)
    tell_ended([row for row in rows if row.announced_at is not None])


def _close(end: End) -> None:
    row = end.row
    TRANSACTION.require(row.state, "ended")
    row.state = Transaction.State.ENDED
    row.ended_at = max(end.ended_at, row.started_at)
    row.end_received_at = end.received_at
    row.last_seen_at = max(row.last_seen_at, end.received_at)
    row.stop_reason = end.reason[:REASON_CHARS_MAX]
    if end.reason in UNPLUG_REASONS and row.unplugged_at is None:
        row.unplugged_at = row.ended_at


def _settle(end: End, verdict: Settlement) -> None:
    row = end.row
    row.energy_wh = verdict.energy_wh
    row.meter_start_wh = verdict.start_wh
    row.meter_stop_wh = verdict.stop_wh
    row.estimated = verdict.estimated or end.estimated
    row.review_reason = verdict.review_reason
    if end.ended_at < row.started_at and not row.review_reason:
        row.review_reason = ENDS_BEFORE_START
    told = row.announced_at is not None
    if refused_charges.is_refused(row) and (told or verdict.energy_wh > 0):
        row.review_reason = ENERGY_AFTER_REFUSAL
    elif row.announced_at is None and verdict.energy_wh > 0 and not row.review_reason:
        row.review_reason = NO_TOKEN


def tell_ended(rows: Sequence[Transaction]) -> None:
    """Tell billing of the ends of charges that it knows."""
    publish_many([_ended(row) for row in rows])


def _ended(row: Transaction) -> events.Fact:
    if row.ended_at is None or row.energy_wh is None:
        raise ValueError("only an ended charge is told as ended")
    return events.transaction_ended(
        events.Done(
            transaction_id=row.pk,
            operator_id=row.operator_id,
            order_number=row.order_number,
            ended_at=row.ended_at,
            energy_wh=row.energy_wh,
            stop_reason=row.stop_reason,
            estimated=row.estimated,
            review_reason=row.review_reason,
            unplugged=row.unplugged_at is not None,
        )
    )


def supersede_older(rows: Sequence[Transaction], *, at: datetime) -> None:
    """A connector has one charge: an older one that still runs has lost its stop.

    It is closed from its last sample. Its stop, should it come, corrects that. A late
    start of an older charge closes nothing.
    """
    placed = [row for row in rows if row.connector_id is not None]
    if not placed:
        return
    found = fetch_columns(
        _OLDER,
        [
            numbers([row.pk for row in placed]),
            numbers([row.connector_id for row in placed]),
            numbers([row.started_at for row in placed]),
        ],
    )
    if found:
        older = lock_transactions(sorted({pk for (pk,) in found}))
        running = [row for row in older.values() if row.state == "active"]
        close_from_last_sample(running, reason=SUPERSEDED, at=at)


def close_from_last_sample(
    rows: Sequence[Transaction], *, reason: str, at: datetime
) -> None:
    """End charges without a stop, as of what was last measured; estimated."""
    finish_many(
        [
            End(
                row=row,
                ended_at=row.last_energy_at or row.last_sample_at or row.last_seen_at,
                received_at=at,
                reason=reason,
                stop_wh=None,
                estimated=True,
            )
            for row in rows
        ]
    )
