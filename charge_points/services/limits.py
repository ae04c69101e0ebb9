"""Limits of a charge: set by billing, compared here, enforced by a remote stop."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from charge_points.models import Transaction
from charge_points.services import commands
from charge_points.services.energy import NOTHING
from charge_points.services.running import Progress
from charge_points.services.smart_charging import transaction_limits
from cpms.kernel.errors import DomainError

STOP_ATTEMPTS_MAX: Final = 20


class UnableToSetLimits(DomainError):
    """There is no such transaction."""

    http_status = 404


def stop_exceeded(progress: Sequence[Progress]) -> int:
    """Ask the charges that reached a limit to stop, once each.

    Returns:
        How many were asked.
    """
    reasons = {p.transaction_id: (p.exceeded, p.at) for p in progress if p.exceeded}
    if not reasons:
        return 0
    rows = Transaction.objects.filter(pk__in=reasons, state="active").order_by("pk")
    for row in rows:
        reason, at = reasons[row.pk]
        request_stop(row, reason=f"{reason} limit", at=at)
    return len(reasons)


def request_stop(charge: Transaction, *, reason: str, at: datetime) -> None:
    """Queue a remote stop of a running charge; asking again makes a new attempt."""
    if charge.stop_attempts >= STOP_ATTEMPTS_MAX:
        return
    charge.stop_attempts += 1
    charge.stop_requested_at = at
    Transaction.objects.filter(pk=charge.pk).update(
        stop_attempts=charge.stop_attempts, stop_requested_at=at
    )
    commands.queue_intent(
        charge_point_id=charge.charge_point_id,
        intent="stop",
        arguments={"transaction_id": charge.ocpp_id, "reason": reason},
        by="system",
        idempotency_key=f"stop:{charge.pk}:{charge.stop_attempts}",
        expires_at=at + commands.STOP_LIFETIME,
        at=at,
        order_number=charge.order_number or "",
    )


@transaction.atomic
def set_limits(
    *, transaction_id: int, energy_limit_wh: int | None, ends_by: datetime | None
) -> None:
    """Limit a running charge; None is no limit. One that is reached is enforced.

    Raises:
        UnableToSetLimits: there is no such transaction.
    """
    row = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(pk=transaction_id)
        .first()
    )
    if row is None:
        raise UnableToSetLimits(
            "unknown_transaction", f"There is no transaction {transaction_id}."
        )
    row.energy_limit_wh = energy_limit_wh
    row.ends_by = ends_by
    row.save(update_fields=["energy_limit_wh", "ends_by"])
    stopped = stop_exceeded([progress_of(row, at=row.last_seen_at)])
    if not stopped:
        transaction_limits.apply([row], at=row.last_seen_at)


def progress_of(row: Transaction, *, at: datetime) -> Progress:
    """Where a charge stands, for the comparison with its limits."""
    start_wh, last_wh = row.meter_start_wh, row.last_energy_wh
    known = start_wh is not None and last_wh is not None
    return Progress(
        transaction_id=row.pk,
        state=row.state,
        energy_wh=max((last_wh or NOTHING) - (start_wh or NOTHING), NOTHING)
        if known
        else NOTHING,
        at=at,
        energy_limit_wh=row.energy_limit_wh,
        ends_by=row.ends_by,
        stop_requested_at=row.stop_requested_at,
        started_at=row.started_at,
        is_full=row.soc_limit_percent is not None
        and row.last_soc_percent is not None
        and row.last_soc_percent >= row.soc_limit_percent,
    )
