"""What happened: a session as periods in time, ready to be priced.

A session covers a charge from the reservation, if there was one, to the unplug.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from billing.pricing.exact import rounded, shift
from cpms.kernel.errors import DomainError

SESSION_SPAN_MAX: Final = timedelta(days=366)
"""Longest session that is priced; what is longer is a clock that went wrong."""

QUANTITY_MAX: Final = 10**12
"""Greatest energy, current or power: what is above is a broken meter."""

QUANTITY_DIGITS_MAX: Final = 12
"""Most decimals of a quantity: below lies no meter, only the cost of long numbers."""


class UnableToBuildSession(DomainError):
    """The facts cannot have happened like this."""

    http_status: ClassVar[int] = 422


class State(StrEnum):
    """What the connector was used for in a period."""

    CHARGING = "charging"
    PARKING = "parking"
    RESERVED = "reserved"
    RESERVATION_EXPIRED = "reservation_expired"


RESERVATION_STATES: Final = frozenset({State.RESERVED, State.RESERVATION_EXPIRED})


@dataclass(frozen=True, slots=True)
class ChargingPeriod:
    """A stretch of one state, energy and load spread evenly over it.

    Args:
        state: charging, parking, reserved or reservation_expired.
        starts_at: aware; kept in UTC.
        ends_at: aware; kept in UTC; exclusive.
        energy_wh: delivered within the period, whole or decimal Wh.
        current_a: sum over the phases; None when it was not measured.
        power_kw: None when it was not measured: then energy over time.

    Raises:
        UnableToBuildSession: times without an offset or in the wrong order, negative
            or missing quantities, energy during a reservation.
    """

    state: State
    starts_at: datetime
    ends_at: datetime
    energy_wh: int | Decimal = 0
    current_a: Decimal | None = None
    power_kw: Decimal | None = None

    def __post_init__(self) -> None:
        """Check the facts and put the times into UTC."""
        try:
            object.__setattr__(self, "state", State(self.state))
        except ValueError:
            raise _refused(
                "state", f"{self.state!r} is none of {', '.join(State)}."
            ) from None
        object.__setattr__(self, "starts_at", _utc(self.starts_at, "starts_at"))
        object.__setattr__(self, "ends_at", _utc(self.ends_at, "ends_at"))
        if self.ends_at < self.starts_at:
            raise _refused(
                "ends_at", f"{self.ends_at} is before starts_at {self.starts_at}."
            )
        _check_quantity("energy_wh", self.energy_wh)
        for name in ("current_a", "power_kw"):
            value = getattr(self, name)
            if value is not None:
                _check_quantity(name, value)
        if self.energy_wh and self.state in RESERVATION_STATES:
            raise _refused("energy_wh", "a reservation delivers no energy.")

    @classmethod
    def in_kwh(
        cls,
        state: State | str,
        starts_at: datetime,
        ends_at: datetime,
        energy_kwh: Decimal,
        *,
        load: tuple[Decimal | None, Decimal | None] = (None, None),
    ) -> "ChargingPeriod":
        """A period whose energy is stated in kWh; ``load`` is (current_a, power_kw)."""
        current_a, power_kw = load
        _check_quantity("energy_kwh", energy_kwh)
        energy_wh = shift(Decimal(energy_kwh), 3)
        return cls(State(state), starts_at, ends_at, energy_wh, current_a, power_kw)


@dataclass(frozen=True, slots=True)
class Session:
    """Periods in order of time, and the local time of the site.

    Args:
        periods: in order, not overlapping; time between them is not priced.
        time_zone: of the site, IANA name or ``ZoneInfo``; kept as ``ZoneInfo``.

    Raises:
        UnableToBuildSession: no period, wrong order, overlap, unknown time zone,
            a reservation after the charge began, or a span above the limit.
    """

    periods: tuple[ChargingPeriod, ...]
    time_zone: ZoneInfo | str

    def __post_init__(self) -> None:
        """Check the order and find the time zone."""
        object.__setattr__(self, "periods", tuple(self.periods))
        object.__setattr__(self, "time_zone", zone_of(self.time_zone))
        if not self.periods:
            raise _refused("periods", "there is none, so there is nothing to price.")
        _check_order(self.periods)

    @property
    def zone(self) -> ZoneInfo:
        """The local time of the site."""
        assert isinstance(self.time_zone, ZoneInfo), "made so when it was built"
        return self.time_zone


def zone_of(time_zone: ZoneInfo | str) -> ZoneInfo:
    """The time zone that an IANA name means.

    Raises:
        UnableToBuildSession: there is no such time zone.
    """
    if isinstance(time_zone, ZoneInfo):
        return time_zone
    try:
        return ZoneInfo(time_zone)
    # ZoneInfoNotFoundError is a KeyError; a name that is a folder or holds
    # forbidden characters ends as OSError or ValueError.
    except (KeyError, ValueError, OSError, TypeError):
        raise _refused(
            "time_zone",
            f"{time_zone!r} is unknown; use an IANA name such as Europe/Berlin.",
        ) from None


def _check_order(periods: Sequence[ChargingPeriod]) -> None:
    charge_began = False
    for index, period in enumerate(periods):
        if index and period.starts_at < periods[index - 1].ends_at:
            raise _refused(
                f"periods[{index}].starts_at",
                f"{period.starts_at} is before the end of the period before it.",
            )
        reserved = period.state in RESERVATION_STATES
        if reserved and charge_began:
            raise _refused(
                f"periods[{index}].state",
                f"{period.state} cannot follow the start of the charge.",
            )
        charge_began = charge_began or not reserved
    if periods[-1].ends_at - periods[0].starts_at > SESSION_SPAN_MAX:
        raise _refused(
            "periods", f"span more than {SESSION_SPAN_MAX.days} days; check the times."
        )


def _check_quantity(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _refused(name, f"{value!r} must be an int or a Decimal.")
    if not (Decimal(value).is_finite() and 0 <= value <= QUANTITY_MAX):
        raise _refused(name, f"{value} must be 0 to {QUANTITY_MAX}.")
    if Decimal(value) != rounded(Decimal(value), QUANTITY_DIGITS_MAX):
        raise _refused(name, f"{value!r} has more than {QUANTITY_DIGITS_MAX} decimals.")


def _utc(instant: object, name: str) -> datetime:
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise _refused(
            name, f"{instant!r} must be a date and time with an offset, best UTC."
        )
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def _refused(path: str, message: str) -> UnableToBuildSession:
    return UnableToBuildSession("session_invalid", f"{path}: {message}", path=path)
