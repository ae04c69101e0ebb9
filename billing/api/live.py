"""The live values of an order as REST says them; polled and streamed alike."""

from datetime import datetime
from typing import Any

from billing.api import shapes
from billing.models import Order
from billing.services import rating
from charge_points.queries import live_values


def live_body(order: Order, *, at: datetime) -> dict[str, Any]:
    """Energy, power, state of charge and the price so far.

    Call it in the platform's scope, after the caller's right was checked.
    """
    values = live_values(order.number)
    cost_minor = order.amount_minor
    if cost_minor is None:
        cost_minor = rating.estimate(order, at=at)
    body: dict[str, Any] = {
        "order": order.number,
        "state": order.state,
        "energy_wh": values.energy_wh if values else (order.energy_wh or 0),
        "power_w": values.power_w if values else None,
        "soc_percent": values.soc_percent if values else None,
        "cost_minor": cost_minor,
        "currency": order.currency,
        "at": values.at if values else None,
    }
    return dict(shapes.LiveShape(body).data)
