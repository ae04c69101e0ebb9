"""Late facts: what comes after a charge was settled, and what it changes."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from charge_points import events
from charge_points.models import Transaction
from charge_points.services import signed_values
from charge_points.services.settling import (
    Case,
    rebuild_register,
    save_ends,
    settle_many,
)
from cpms.outbox import publish_many


def recompute(transaction_ids: Iterable[int]) -> int:
    """Settle ended charges anew from all their samples.

    The station's own stop register stands; without one the last sample counts. Billing
    hears of those whose energy changed.

    Returns:
        How many changed.
    """
    changed = 0
    wanted = list(transaction_ids)
    if not wanted:
        return 0
    rows = Transaction.objects.filter(pk__in=wanted, state="ended").order_by("pk")
    for row in rows:
        if row.estimated and row.last_energy_at is not None and row.ended_at:
            row.ended_at = max(row.ended_at, row.last_energy_at)
        changed += _settle_anew(row, None if row.estimated else row.meter_stop_wh)
    return changed


def end_anew(
    row: Transaction,
    *,
    ended_at: datetime,
    received_at: datetime,
    reason: str,
    stop_wh: Decimal | None,
) -> None:
    """The stop of a charge that was closed by an estimate: now it is known."""
    before = row.ended_at
    row.ended_at = max(ended_at, row.started_at)
    row.end_received_at = received_at
    row.stop_reason = reason[:40]
    if not _settle_anew(row, stop_wh) and row.ended_at != before:
        tell(row)


def _settle_anew(row: Transaction, stop_wh: Decimal | None) -> bool:
    """Settle and save; tell billing when energy or signatures changed."""
    before, reason = row.energy_wh, row.review_reason
    (verdict,) = settle_many([Case(row, stop_wh, rebuild_register(row))])
    row.energy_wh = verdict.energy_wh
    row.meter_start_wh = verdict.start_wh
    row.meter_stop_wh = verdict.stop_wh
    row.review_reason = verdict.review_reason
    row.estimated = verdict.estimated
    signed_values.review([row])
    save_ends([row])
    accused = row.review_reason in signed_values.REASONS and row.review_reason != reason
    if verdict.energy_wh == before and not accused:
        return False
    tell(row)
    return True


def tell(row: Transaction) -> None:
    """Tell billing that facts of an ended charge changed, if it knows the charge."""
    if row.announced_at is None:
        return
    publish_many(
        [
            events.transaction_corrected(
                operator_id=row.operator_id,
                transaction_id=row.pk,
                order_number=row.order_number,
            )
        ]
    )
