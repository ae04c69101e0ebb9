"""What an amount surely buys: so that a charge can stop at its hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from billing.pricing.ceiling import Ceiling
from billing.pricing.plan import UWH_PER_WH, plan_of
from billing.pricing.restrictions import SECOND_US
from billing.pricing.session import ChargingPeriod, Session, State
from billing.pricing.tariff import Tariff
from cpms.kernel.errors import DomainError

ENERGY_WH_MAX: Final = 10_000_000
"""Answer when money is no limit: 10 MWh, more than any vehicle takes."""

CHARGE_SPAN_MAX: Final = timedelta(days=7)
"""How far a charge is looked ahead when nobody says when it must end."""

POWER_KW_MAX: Final = Decimal(10_000)
"""No connector delivers more."""


class UnableToLimitCharge(DomainError):
    """No limit can be given for this amount and tariff."""

    http_status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class ChargeLimits:
    """A charge within both limits costs no more than the amount.

    Args:
        energy_wh: most energy, 0 when the amount does not even buy the start.
        ends_by: latest end of charging; it binds only a vehicle that takes less
            than the stated power, where time costs money.
    """

    energy_wh: int
    ends_by: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a charge before it begins.

    Args:
        at: its start.
        time_zone: of the site.
        max_power_kw: of the connector; needed where charging time costs money.
        ends_by: its latest end, if it has one; the nearer, the less dear hours
            can lie within it.
    """

    at: datetime
    time_zone: ZoneInfo | str
    max_power_kw: Decimal | None = None
    ends_by: datetime | None = None


def limits_for_amount(
    tariff: Tariff, outlook: Outlook, *, amount_minor: int, currency: str
) -> ChargeLimits:
    """The energy and the time that an amount, taxes included, surely pays.

    Whatever power the vehicle takes and whenever it takes it: a charge of at most
    ``energy_wh`` until ``ends_by`` has a total of at most ``amount_minor``. Where
    charging time costs money the time is that of the energy at full power. The idle
    fee (PARKING_TIME) is not in it: keep its reserve out of the amount.

    Raises:
        UnableToLimitCharge: another currency, a negative amount, an end before the
            start, or a price of time without a power.
        UnableToBuildSession: a start without an offset, or an unknown time zone.
    """
    _check(tariff, outlook, amount_minor, currency)
    latest = outlook.at + CHARGE_SPAN_MAX
    if outlook.ends_by is not None:
        latest = min(latest, outlook.ends_by)
    session = Session(
        (ChargingPeriod(State.CHARGING, outlook.at, latest),), outlook.time_zone
    )
    period = session.periods[0]
    ceiling = Ceiling(plan_of(tariff), session, outlook.max_power_kw)
    span_us = (period.ends_at - period.starts_at) // timedelta(microseconds=1)
    power_kw: Decimal | None = None
    if ceiling.needs_time:
        power_kw = outlook.max_power_kw
        if power_kw is None:
            raise UnableToLimitCharge(
                "power_unknown",
                f"Tariff {tariff.id} has a price of charging time, so what an amount "
                "buys depends on the power: state max_power_kw of the connector.",
            )
    energy_wh = _most_energy(ceiling, amount_minor, power_kw, span_us)
    time_us = _time_us(energy_wh, power_kw, span_us)
    # Whole seconds, rounded down: a limit must not be passed by a rounding.
    ends_by = period.starts_at + timedelta(seconds=time_us // SECOND_US)
    return ChargeLimits(energy_wh, ends_by)


def energy_for_amount(
    tariff: Tariff,
    at: datetime,
    time_zone: ZoneInfo | str,
    amount_minor: int,
    currency: str,
    *,
    max_power_kw: Decimal | None = None,
) -> int:
    """Wh that an amount, taxes included, surely buys from ``at`` on.

    See ``limits_for_amount``: where charging time costs money, its ``ends_by``
    belongs to this energy.

    Raises:
        UnableToLimitCharge: as there.
        UnableToBuildSession: as there.
    """
    outlook = Outlook(at, time_zone, max_power_kw)
    return limits_for_amount(
        tariff, outlook, amount_minor=amount_minor, currency=currency
    ).energy_wh


def _most_energy(
    ceiling: Ceiling, amount_minor: int, power_kw: Decimal | None, span_us: int
) -> int:
    """The greatest energy whose ceiling the amount covers; the ceiling only rises."""

    def covered(energy_wh: int) -> bool:
        time_us = _time_us(energy_wh, power_kw, span_us)
        return ceiling.minor(energy_wh * UWH_PER_WH, time_us) <= amount_minor

    low, high = 0, ENERGY_WH_MAX
    if covered(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if covered(middle):
            low = middle
        else:
            high = middle
    return low


def _time_us(energy_wh: int, power_kw: Decimal | None, span_us: int) -> int:
    """How long the energy takes at full power, within the span."""
    if power_kw is None:
        return span_us
    seconds = ceil(Fraction(energy_wh * 3600) / (Fraction(power_kw) * 1000))
    return min(span_us, seconds * SECOND_US)


def _check(tariff: Tariff, outlook: Outlook, amount_minor: int, currency: str) -> None:
    if currency != tariff.currency:
        raise UnableToLimitCharge(
            "currency_mismatch",
            f"The amount is in {currency}, tariff {tariff.id} in {tariff.currency}; "
            "choose a tariff in the currency of the amount.",
        )
    if amount_minor < 0:
        raise UnableToLimitCharge(
            "amount_negative", f"The amount is {amount_minor}; it must be 0 or more."
        )
    power = outlook.max_power_kw
    if power is not None and not 0 < power <= POWER_KW_MAX:
        raise UnableToLimitCharge(
            "power_out_of_range",
            f"max_power_kw is {power}; it must be above 0 and at most {POWER_KW_MAX}.",
        )
    if outlook.ends_by is not None and outlook.ends_by <= outlook.at:
        raise UnableToLimitCharge(
            "end_before_start",
            f"ends_by {outlook.ends_by} is not after the start {outlook.at}.",
        )
