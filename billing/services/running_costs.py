"""The cost of running charges on the displays of their stations.

The numbers come from the same function as the bill (``rating``), in a bounded task:
never while a station waits for an answer.
"""

from datetime import datetime
from typing import Final

from django.db import transaction

from billing.models import Order
from billing.models.order_states import OrderState
from billing.services import moves, rating
from charge_points.services import tariff_texts

CHARGES_MAX: Final = 500
"""Charges of one round; the others come first in the next one."""


def tell_costs(*, at: datetime, limit: int = CHARGES_MAX) -> int:
    """Tell stations what the charges cost so far.

    Args:
        at: now.
        limit: charges of this round.

    Returns:
        How many displays were told something new.
    """
    ids = tariff_texts.charges_to_tell(at=at, limit=limit)
    numbers = Order.objects.filter(
        transaction_id__in=ids, state=OrderState.CHARGING
    ).values_list("number", flat=True)
    return sum(_tell(number, at) for number in list(numbers))


@transaction.atomic
def _tell(number: str, at: datetime) -> bool:
    order = moves.lock(number)
    if order is None or order.state != OrderState.CHARGING:
        return False
    assert order.transaction_id is not None
    return tariff_texts.put_running_cost(
        transaction_id=order.transaction_id,
        total_minor=rating.estimate(order, at=at),
        currency=order.currency,
        at=at,
    )
