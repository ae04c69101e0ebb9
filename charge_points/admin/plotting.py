"""What a meter showed over time, as lines to plot: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Final

from cpms.kernel.plots import Series, plot_svg

THOUSAND: Final = Decimal(1000)
_HOUR_US: Final = Decimal(3_600_000_000)
_MICROSECOND: Final = timedelta(microseconds=1)
_DIGITS: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class MeterPoint:
    """One reading: the register and the power, where they were told."""

    at: datetime
    energy_wh: Decimal | None
    power_w: Decimal | None


def meter_plot(
    points: Sequence[MeterPoint], *, begins_wh: Decimal | None, zone: tzinfo
) -> str:
    """Power and energy over time as SVG; "" when there is too little to see.

    Args:
        points: in any order.
        begins_wh: the register at the start; None: the first reading.
        zone: of the clock under the plot.
    """
    ordered = sorted(points, key=lambda point: point.at)
    energy = _energy(ordered, begins_wh)
    power = [(p.at, _kilo(p.power_w)) for p in ordered if p.power_w is not None]
    name = "Power"
    if not power:
        power, name = _mean_power(energy), "Mean power"
    return plot_svg(
        Series(name, "kW", tuple(power), is_step=name == "Mean power"),
        Series("Energy", "kWh", tuple(energy)),
        zone=zone,
        label="Power and energy over time",
    )


def _kilo(value: Decimal) -> Decimal:
    """Thousands; what flows back into the grid is drawn as nothing."""
    return max((value / THOUSAND).quantize(_DIGITS), Decimal(0))


def _energy(
    ordered: Sequence[MeterPoint], begins_wh: Decimal | None
) -> list[tuple[datetime, Decimal]]:
    told = [(p.at, p.energy_wh) for p in ordered if p.energy_wh is not None]
    if not told:
        return []
    zero_wh = told[0][1] if begins_wh is None else begins_wh
    return [(at, _kilo(value - zero_wh)) for at, value in told]


def _mean_power(
    energy: Sequence[tuple[datetime, Decimal]],
) -> list[tuple[datetime, Decimal]]:
    """Between two readings of the register; the last value holds to the end."""
    found: list[tuple[datetime, Decimal]] = []
    for (begin, before), (end, after) in pairwise(energy):
        length_us = (end - begin) // _MICROSECOND
        if length_us > 0:
            mean = (after - before) * _HOUR_US / length_us
            found.append((begin, max(mean.quantize(_DIGITS), Decimal(0))))
    if found:
        found.append((energy[-1][0], found[-1][1]))
    return found
