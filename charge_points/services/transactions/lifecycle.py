"""Begin and end of a charge, the same for both versions."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from charge_points import events
from charge_points.models import ChargePoint, Transaction
from charge_points.models.states import TRANSACTION
from charge_points.services import handles
from charge_points.services.settling import END_FIELDS, settle_charge
from cpms.outbox import publish_many

ENERGY_AFTER_REFUSAL: Final = "energy_after_refusal"
ENDS_BEFORE_START: Final = "ends_before_start"
NO_TOKEN: Final = "no_token"  # noqa: S105 - a reason
SUPERSEDED: Final = "SupersededByNewStart"
SILENT: Final = "NoStopReceived"
# Words of both versions for a vehicle that left.
UNPLUG_REASONS: Final = frozenset({"EVDisconnected"})


def identity_of(charge_point_id: int) -> str:
    """The name that events use for a charge point."""
    return ChargePoint.objects.values_list("identity", flat=True).get(
        pk=charge_point_id
    )


def announce(row: Transaction, *, at: datetime, attached: bool = False) -> None:
    """Tell billing of a charge; ``attached``: its order came while it ran."""
    row.announced_at = at
    Transaction.objects.filter(pk=row.pk).update(announced_at=at)
    publish_many(
        [
            events.transaction_started(
                events.Begun(
                    transaction_id=row.pk,
                    operator_id=row.operator_id,
                    charge_point=identity_of(row.charge_point_id),
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
        ]
    )


def finish(
    row: Transaction,
    *,
    ended_at: datetime,
    received_at: datetime,
    reason: str,
    stop_wh: Decimal | None,
) -> None:
    """End a charge whose samples are all stored: settle, save, tell billing."""
    refused = row.state == Transaction.State.REFUSED
    TRANSACTION.require(row.state, "ended")
    row.state = Transaction.State.ENDED
    row.ended_at = max(ended_at, row.started_at)
    row.end_received_at = received_at
    row.last_seen_at = max(row.last_seen_at, received_at)
    row.stop_reason = reason[:40]
    verdict = settle_charge(row, stop_wh=stop_wh)
    row.energy_wh = verdict.energy_wh
    row.meter_start_wh = verdict.start_wh
    row.meter_stop_wh = verdict.stop_wh
    row.estimated = verdict.estimated
    row.review_reason = verdict.review_reason
    if ended_at < row.started_at and not row.review_reason:
        row.review_reason = ENDS_BEFORE_START
    if refused and verdict.energy_wh > 0:
        row.review_reason = ENERGY_AFTER_REFUSAL
    elif row.announced_at is None and verdict.energy_wh > 0 and not row.review_reason:
        row.review_reason = NO_TOKEN
    if reason in UNPLUG_REASONS and row.unplugged_at is None:
        row.unplugged_at = row.ended_at
    row.save(update_fields=END_FIELDS)
    if row.order_number:
        handles.mark_ended(transaction_id=row.pk, at=received_at)
    if row.announced_at is not None:
        tell_ended(row)


def tell_ended(row: Transaction) -> None:
    """Tell billing of the end of a charge that it knows."""
    publish_many([_ended(row)])


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


def supersede_older(row: Transaction, *, at: datetime) -> None:
    """A connector has one charge: an older one that still runs has lost its stop.

    It is closed from its last sample. Its stop, should it come, corrects that. A late
    start of an older charge closes nothing.
    """
    if row.connector_id is None:
        return
    older = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(
            connector_id=row.connector_id,
            state="active",
            started_at__lt=row.started_at,
        )
        .exclude(pk=row.pk)
        .order_by("pk")
    )
    for charge in older:
        close_from_last_sample(charge, reason=SUPERSEDED, at=at)


def close_from_last_sample(charge: Transaction, *, reason: str, at: datetime) -> None:
    """End a charge without a stop, as of what was last measured; estimated."""
    finish(
        charge,
        ended_at=charge.last_energy_at or charge.last_sample_at or charge.last_seen_at,
        received_at=at,
        reason=reason,
        stop_wh=None,
    )
    if not charge.estimated:
        # An End sample was there, only the stop was not: still nobody's last word.
        charge.estimated = True
        charge.save(update_fields=["estimated"])
