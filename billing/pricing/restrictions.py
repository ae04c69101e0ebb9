"""When an element is active: restrictions as checks on one moment of a session.

OCPI, TariffRestrictions: everything that is stated must hold. Clock, date and day
are read from the local clock at that moment, each by itself: a window that runs
past midnight and names MONDAY is active on Monday's late evening *and* on Monday's
early morning, not on Tuesday's. A load that was not measured counts as zero: what
was not seen is above no limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Final

from billing.pricing.exact import Exact, exact_of
from billing.pricing.tariff import Day, IdleFee, Restrictions

SECOND_US: Final = 1_000_000
DAY_US: Final = 24 * 3600 * SECOND_US
UWH_PER_KWH_DIGITS: Final = 9

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY: Final = date(1970, 1, 1).weekday()
_DAYS: Final = tuple(Day)


@dataclass(slots=True)
class Moment:
    """Where a session stands; small units, so that comparing is cheap.

    Args:
        day: local date as days since 1970-01-01.
        clock_us: local time of day in µs.
        duration_us: since the session (or the reservation) began.
        energy_uwh: delivered so far.
        current_ma: sum over the phases.
        power_mw: milliwatt.
        parked_us: parking time of the session so far.
    """

    day: int = 0
    clock_us: Exact = 0
    duration_us: Exact = 0
    energy_uwh: Exact = 0
    current_ma: Exact = 0
    power_mw: Exact = 0
    parked_us: Exact = 0


Check = Callable[[Moment], bool]


def checks_of(restrictions: Restrictions) -> tuple[Check, ...]:
    """The checks that must all hold, cheapest first; none for an open element."""
    return (
        *calendar_checks(restrictions),
        *energy_checks(restrictions),
        *_load_checks(restrictions),
    )


def calendar_checks(restrictions: Restrictions) -> tuple[Check, ...]:
    """The checks of clock, dates, days and duration: what time alone decides."""
    return (
        *_clock_checks(restrictions),
        *_date_checks(restrictions),
        *_duration_checks(restrictions),
    )


def energy_checks(restrictions: Restrictions) -> tuple[Check, ...]:
    """The checks of the energy delivered so far."""
    checks: list[Check] = []
    if restrictions.min_kwh is not None:
        least = exact_of(restrictions.min_kwh, UWH_PER_KWH_DIGITS)
        checks.append(lambda moment: moment.energy_uwh >= least)
    if restrictions.max_kwh is not None:
        most = exact_of(restrictions.max_kwh, UWH_PER_KWH_DIGITS)
        checks.append(lambda moment: moment.energy_uwh < most)
    return tuple(checks)


def idle_checks(idle_fee: IdleFee | None) -> tuple[Check, ...]:
    """The checks of a price of parking: after the grace, up to the cap."""
    if idle_fee is None:
        return ()
    checks: list[Check] = []
    grace_us = idle_fee.grace_s * SECOND_US
    if grace_us:
        checks.append(lambda moment: moment.parked_us >= grace_us)
    if idle_fee.cap_s is not None:
        end_us = grace_us + idle_fee.cap_s * SECOND_US
        checks.append(lambda moment: moment.parked_us < end_us)
    return tuple(checks)


def clock_us_of(clock: time) -> int:
    """A time of day in µs since midnight."""
    return (clock.hour * 3600 + clock.minute * 60) * SECOND_US


def window_us(restrictions: Restrictions) -> tuple[int, int] | None:
    """The daily window [from, until); until below from runs past midnight.

    None when it covers the whole day. ``00:00`` as the end is the end of the day;
    equal times are a full turn of the clock.
    """
    start, end = restrictions.start_time, restrictions.end_time
    from_us = 0 if start is None else clock_us_of(start)
    until_us = DAY_US if end is None else clock_us_of(end) or DAY_US
    if from_us == until_us or (from_us == 0 and until_us == DAY_US):
        return None
    return from_us, until_us


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def weekdays_of(restrictions: Restrictions) -> frozenset[int]:
    """The named days as numbers, Monday 0; empty when all days are meant."""
    return frozenset(_DAYS.index(day) for day in restrictions.day_of_week)


def weekday_of(day: int) -> int:
    """Monday 0 to Sunday 6 of days since 1970-01-01."""
    return (day + _EPOCH_WEEKDAY) % 7


def _clock_checks(restrictions: Restrictions) -> list[Check]:
    window = window_us(restrictions)
    if window is None:
        return []
    from_us, until_us = window
    if from_us < until_us:
        return [lambda moment: from_us <= moment.clock_us < until_us]
    return [lambda moment: not until_us <= moment.clock_us < from_us]


def _date_checks(restrictions: Restrictions) -> list[Check]:
    checks: list[Check] = []
    weekdays = weekdays_of(restrictions)
    if weekdays:
        checks.append(lambda moment: weekday_of(moment.day) in weekdays)
    if restrictions.start_date is not None:
        first = day_number(restrictions.start_date)
        checks.append(lambda moment: moment.day >= first)
    if restrictions.end_date is not None:
        end = day_number(restrictions.end_date)
        checks.append(lambda moment: moment.day < end)
    return checks


def _duration_checks(restrictions: Restrictions) -> list[Check]:
    checks: list[Check] = []
    if restrictions.min_duration is not None:
        least = restrictions.min_duration * SECOND_US
        checks.append(lambda moment: moment.duration_us >= least)
    if restrictions.max_duration is not None:
        most = restrictions.max_duration * SECOND_US
        checks.append(lambda moment: moment.duration_us < most)
    return checks


def _load_checks(restrictions: Restrictions) -> list[Check]:
    checks: list[Check] = []
    if restrictions.min_current is not None:
        least_ma = exact_of(restrictions.min_current, 3)
        checks.append(lambda moment: moment.current_ma >= least_ma)
    if restrictions.max_current is not None:
        most_ma = exact_of(restrictions.max_current, 3)
        checks.append(lambda moment: moment.current_ma < most_ma)
    if restrictions.min_power is not None:
        least_mw = exact_of(restrictions.min_power, 6)
        checks.append(lambda moment: moment.power_mw >= least_mw)
    if restrictions.max_power is not None:
        most_mw = exact_of(restrictions.max_power, 6)
        checks.append(lambda moment: moment.power_mw < most_mw)
    return checks
