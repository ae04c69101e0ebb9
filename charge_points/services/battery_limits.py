"""Limits by the battery's state of charge.

OCPP knows none before 2.1, in which the station itself has one; so the platform
compares what the meter values tell (measurand ``SoC``, which mostly DC stations have)
and stops the charge remotely. Without a told state the limit never ends a charge.
"""

from datetime import datetime
from typing import Final

from django.db import transaction

from charge_points.models import StartHandle, Transaction
from charge_points.models.states import START_HANDLE_LIVE
from charge_points.services import limits
from cpms.kernel.errors import DomainError

PERCENT_MIN: Final = 1
PERCENT_MAX: Final = 100


class UnableToLimitBattery(DomainError):
    """The limit is not taken."""


@transaction.atomic
def set_limit(*, order_number: str, soc_percent: int | None, at: datetime) -> None:
    """Stop the charge of an order at a state of the battery; None: at none.

    Before the charge began it is kept for the begin. One that is reached already
    stops the charge now.

    Args:
        order_number: whose charge.
        soc_percent: 1 to 100.
        at: now.

    Raises:
        UnableToLimitBattery: no such percentage, or the charge is over.
    """
    if soc_percent is not None and not PERCENT_MIN <= soc_percent <= PERCENT_MAX:
        raise UnableToLimitBattery(
            "soc_invalid",
            f"A battery is {PERCENT_MIN} to {PERCENT_MAX} percent full, not "
            f"{soc_percent}.",
            http_status=422,
        )
    # Charges are locked before handles, as everywhere.
    charge = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(order_number=order_number, state=Transaction.State.ACTIVE)
        .first()
    )
    waiting = StartHandle.objects.filter(
        order_number=order_number, state__in=START_HANDLE_LIVE
    ).update(soc_limit_percent=soc_percent)
    if charge is None and not waiting:
        raise UnableToLimitBattery(
            "charge_over", f"No charge of order {order_number} runs or is to begin."
        )
    if charge is not None:
        charge.soc_limit_percent = soc_percent
        charge.save(update_fields=["soc_limit_percent"])
        limits.stop_exceeded([limits.progress_of(charge, at=at)])
