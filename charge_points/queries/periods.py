"""Cutting a charge into periods for the tariff: pure.

Boundaries are the meter values and the changes between charging and parking. The
energies of the periods add up exactly to that of the charge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

NOTHING: Final = Decimal(0)
CHARGING: Final = "charging"
PARKING: Final = "parking"
PERIODS_MAX: Final = 1000
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PeriodFact:
    """``[starts_at, ends_at)`` in one state; power and current where they were told."""

    state: str
    starts_at: datetime
    ends_at: datetime
    energy_wh: Decimal
    power_w: Decimal | None = None
    current_a: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A register with what was measured beside it."""

    at: datetime
    energy_wh: Decimal
    power_w: Decimal | None = None
    current_a: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What is cut: total energy between two instants, readings and phases between."""

    started_at: datetime
    ended_at: datetime
    start_wh: Decimal
    energy_wh: Decimal
    readings: Sequence[Reading]
    phases: Sequence[tuple[datetime, str]]


def cut(charge: Charge) -> tuple[PeriodFact, ...]:
    """Periods from start to end without gaps; none for a charge without duration.

    Readings that fall, lie outside of the charge or go beyond its energy are passed
    over: what the charge used in all is settled elsewhere. Energy of an interval in
    which the vehicle both charged and parked belongs to the charging part.
    """
    if charge.ended_at <= charge.started_at:
        return ()
    readings = list(_plausible(charge))
    if len(readings) > PERIODS_MAX:
        step = -(-len(readings) // PERIODS_MAX)
        readings = readings[step - 1 :: step]
    periods: list[PeriodFact] = []
    at, used_wh = charge.started_at, NOTHING
    last = Reading(charge.ended_at, charge.energy_wh)
    if readings:
        tail = readings[-1]
        last = replace(last, power_w=tail.power_w, current_a=tail.current_a)
    for reading in (*readings, last):
        if reading.at > at:
            whole = PeriodFact(
                CHARGING,
                at,
                reading.at,
                reading.energy_wh - used_wh,
                reading.power_w,
                reading.current_a,
            )
            periods += _split(whole, charge.phases)
            at, used_wh = reading.at, reading.energy_wh
    return tuple(_join_parking(periods))


def _plausible(charge: Charge) -> Iterator[Reading]:
    """Readings inside the charge, as energy since its start, never falling."""
    used_wh = NOTHING
    for reading in sorted(charge.readings, key=lambda reading: reading.at):
        since_wh = reading.energy_wh - charge.start_wh
        inside = charge.started_at < reading.at < charge.ended_at
        if inside and used_wh <= since_wh <= charge.energy_wh:
            used_wh = since_wh
            yield replace(reading, energy_wh=since_wh)


def _state_at(at: datetime, phases: Sequence[tuple[datetime, str]]) -> str:
    """The phase at an instant; before the first one the vehicle is charging."""
    state = CHARGING
    for begins_at, named in phases:
        if begins_at > at:
            break
        state = named
    return state


def _split(
    whole: PeriodFact, phases: Sequence[tuple[datetime, str]]
) -> list[PeriodFact]:
    """Cut an interval at the phase changes inside of it."""
    bounds = [whole.starts_at]
    state = _state_at(whole.starts_at, phases)
    for at, named in phases:
        if whole.starts_at < at < whole.ends_at and named != state:
            state = named
            # Two changes at one instant are none, or one.
            if bounds[-1] == at:
                bounds.pop()
            else:
                bounds.append(at)
    bounds.append(whole.ends_at)
    parts = [
        replace(
            whole,
            state=_state_at(begin, phases),
            starts_at=begin,
            ends_at=end,
            energy_wh=NOTHING,
        )
        for begin, end in pairwise(bounds)
    ]
    return _share(parts, whole.energy_wh)


def _share(parts: list[PeriodFact], energy_wh: Decimal) -> list[PeriodFact]:
    """Give energy to the charging parts by duration; the last takes what is left."""
    takers = [i for i, part in enumerate(parts) if part.state == CHARGING]
    takers = takers or list(range(len(parts)))
    total = sum(_length(parts[i]) for i in takers)
    left_wh = energy_wh
    for i in takers[:-1]:
        share_wh = (energy_wh * _length(parts[i]) / total).quantize(Decimal("0.001"))
        parts[i] = replace(parts[i], energy_wh=share_wh)
        left_wh -= share_wh
    parts[takers[-1]] = replace(parts[takers[-1]], energy_wh=left_wh)
    return parts


def _length(part: PeriodFact) -> int:
    return (part.ends_at - part.starts_at) // _MICROSECOND


def _join_parking(periods: Sequence[PeriodFact]) -> Iterator[PeriodFact]:
    """Parking that goes on over meter values is one period."""
    held: PeriodFact | None = None
    for period in periods:
        if held is None:
            held = period
        elif held.state == period.state == PARKING:
            held = replace(
                held,
                ends_at=period.ends_at,
                energy_wh=held.energy_wh + period.energy_wh,
            )
        else:
            yield held
            held = period
    if held is not None:
        yield held
