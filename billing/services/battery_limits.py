"""A driver's limit by the battery's state, on an own order."""

from datetime import datetime

from django.db import transaction

from billing.models import Order
from billing.models.order_states import LIVE_STATES
from billing.services import moves
from billing.services.ordering import UnableToFindOrder, UnableToStop
from charge_points.services import battery_limits


@transaction.atomic
def limit_for_driver(
    *, driver_id: int, number: str, soc_percent: int | None, at: datetime
) -> Order:
    """Stop an own charge when the vehicle tells this state of its battery.

    Raises:
        UnableToFindOrder: not an order of this driver.
        UnableToStop: it has ended.
        UnableToLimitBattery: no such percentage, or no charge follows any more.
    """
    order = moves.lock(number)
    if order is None or order.driver_id != driver_id:
        raise UnableToFindOrder("unknown_order", "You have no order with this number.")
    if order.state not in LIVE_STATES:
        raise UnableToStop(
            "order_not_running",
            f"The order is {order.state}; there is nothing to limit.",
        )
    battery_limits.set_limit(order_number=number, soc_percent=soc_percent, at=at)
    return order
