"""A charge while it runs, for the driver's page."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from charge_points.events import whole_wh
from charge_points.models import Transaction


@dataclass(frozen=True, slots=True)
class LiveValues:
    """``state``: "active" or "ended"; ``at`` is when something last came."""

    energy_wh: int
    power_w: int | None
    soc_percent: int | None
    state: str
    at: datetime


def live_values(order_number: str) -> LiveValues | None:
    """The newest values of an order's charge; None before it began."""
    row = (
        Transaction.objects.filter(order_number=order_number)
        .order_by("-started_at")
        .first()
    )
    if row is None:
        return None
    energy_wh = row.energy_wh
    if energy_wh is None:
        energy_wh = Decimal(0)
        if row.last_energy_wh is not None and row.meter_start_wh is not None:
            energy_wh = max(row.last_energy_wh - row.meter_start_wh, energy_wh)
    ended = row.state == Transaction.State.ENDED
    return LiveValues(
        energy_wh=whole_wh(energy_wh),
        power_w=0 if ended else _whole(row.last_power_w),
        soc_percent=_whole(row.last_soc_percent),
        state=row.state,
        at=row.last_seen_at,
    )


def _whole(value: Decimal | None) -> int | None:
    return None if value is None else whole_wh(value)
