"""What a charge would cost, and why: before anybody charges, before a tariff is saved.

A preview is priced by the function that makes the bill.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from billing.models import DriverGroup
from billing.pricing import (
    ChargingPeriod,
    PricedSession,
    Session,
    State,
    Tariff,
    parse_tariff,
    rate,
)
from billing.services.offers import price_words
from billing.services.tariff_choice import Explanation, TokenType, explain
from billing.services.terms import place_of
from charge_points.queries import ConnectorView
from cpms.kernel.errors import DomainError

ENERGY_WH_MAX: Final = 10_000_000
LENGTH_MAX: Final = timedelta(days=7)
"""Longest example of charging or parking; more is no question about a price."""

_HOUR: Final = timedelta(hours=1)


class UnableToPreview(DomainError):
    """The example cannot happen like this."""

    http_status = 422


@dataclass(frozen=True, slots=True)
class Example:
    """A charge that is imagined: energy spread evenly over its charging time.

    Args:
        starts_at: aware.
        energy_wh: delivered while charging.
        charging: how long energy flows.
        parking: how long the vehicle stays plugged in afterwards.
        reserved: how long the connector was reserved before.
        expired: nobody came: only the reservation is priced.
    """

    starts_at: datetime
    energy_wh: int = 0
    charging: timedelta = timedelta(0)
    parking: timedelta = timedelta(0)
    reserved: timedelta = timedelta(0)
    expired: bool = False

    def session(self, time_zone: ZoneInfo | str) -> Session:
        """As the pricing engine sees it.

        Raises:
            UnableToPreview: a quantity is below 0 or above its limit.
        """
        self._check()
        booked = State.RESERVATION_EXPIRED if self.expired else State.RESERVED
        # In UTC: local clocks cannot be added up over a change of the clock.
        at, periods = self.starts_at.astimezone(UTC) - self.reserved, []
        for state, length, energy_wh in (
            (booked, self.reserved, 0),
            (State.CHARGING, self.charging, self.energy_wh),
            (State.PARKING, self.parking, 0),
        ):
            if length or energy_wh:
                periods.append(ChargingPeriod(state, at, at + length, energy_wh))
                at += length
        if not periods:
            periods = [ChargingPeriod(State.CHARGING, at, at)]
        return Session(tuple(periods), time_zone)

    def _check(self) -> None:
        if not 0 <= self.energy_wh <= ENERGY_WH_MAX:
            raise UnableToPreview(
                "energy_out_of_range", f"energy_wh must be 0 to {ENERGY_WH_MAX}."
            )
        for name in ("charging", "parking", "reserved"):
            if not timedelta(0) <= getattr(self, name) <= LENGTH_MAX:
                raise UnableToPreview(
                    "length_out_of_range",
                    f"{name} must be 0 to {LENGTH_MAX // timedelta(seconds=1)} s.",
                )


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a tariff is looked up; what is empty is not known.

    ``driver_group`` is a code of the operator's own groups; ``token_type`` one of
    OCPI's.
    """

    token_type: str = ""
    token_group: str = ""
    driver_group: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """Which tariff, why, its words and the price; without a tariff no price."""

    explanation: Explanation
    words: tuple[str, ...]
    priced: PricedSession | None


@dataclass(frozen=True, slots=True)
class PricedExample:
    """An example with its name and its price."""

    name: str
    priced: PricedSession


def preview(
    view: ConnectorView, asker: Asker, example: Example, *, language: str
) -> Preview:
    """What an imagined charge would cost at a connector, and by which tariff.

    Args:
        view: the connector.
        asker: who would start.
        example: what they would do; its start decides about assignments and versions.
        language: of the words.

    Raises:
        UnableToPreview: no such driver group or token type, or the example cannot
            happen.
    """
    groups = _groups(view.operator_id, asker.driver_group)
    _require_token_type(asker.token_type)
    session = example.session(view.time_zone)
    place = place_of(
        view,
        token_group=asker.token_group,
        token_type=asker.token_type,
        groups=groups,
    )
    explanation = explain(place, at=example.starts_at)
    if explanation.applied is None:
        return Preview(explanation, (), None)
    tariff = parse_tariff(explanation.applied.ocpi)
    words = tuple(price_words(tariff, language))
    return Preview(explanation, words, rate(tariff, session))


def priced_examples(
    tariff: Tariff, time_zone: ZoneInfo | str, *, at: datetime
) -> Iterable[PricedExample]:
    """A few charges that show what a tariff does: by day, at night, parked, unused."""
    zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
    day = at.astimezone(zone).replace(hour=14, minute=0, second=0, microsecond=0)
    for name, example in _examples(day).items():
        yield PricedExample(name, rate(tariff, example.session(zone)))


def _examples(day: datetime) -> Mapping[str, Example]:
    night = day.replace(hour=23)
    saturday = day + timedelta(days=(5 - day.weekday()) % 7)
    return {
        "20 kWh in 1 h, 14:00": Example(day, 20_000, _HOUR),
        "20 kWh in 1 h, 23:00": Example(night, 20_000, _HOUR),
        "20 kWh in 1 h, Saturday 14:00": Example(saturday, 20_000, _HOUR),
        "5 kWh in 15 min": Example(day, 5_000, _HOUR / 4),
        "60 kWh in 40 min (90 kW)": Example(day, 60_000, _HOUR * 2 / 3),
        "40 kWh in 4 h (10 kW)": Example(day, 40_000, 4 * _HOUR),
        "20 kWh in 1 h, then 2 h parked": Example(
            day, 20_000, _HOUR, parking=2 * _HOUR
        ),
        "reserved 30 min, then 20 kWh in 1 h": Example(
            day, 20_000, _HOUR, reserved=_HOUR / 2
        ),
        "reserved 30 min, nobody came": Example(day, reserved=_HOUR / 2, expired=True),
    }


def _groups(operator_id: int, code: str) -> frozenset[int]:
    if not code:
        return frozenset()
    rows = DriverGroup.objects.filter(operator_id=operator_id, code=code)
    found = frozenset(rows.values_list("pk", flat=True))
    if not found:
        raise UnableToPreview(
            "unknown_driver_group", f"There is no driver group {code!r}."
        )
    return found


def _require_token_type(token_type: str) -> None:
    if token_type and token_type not in TokenType.values:
        raise UnableToPreview(
            "unknown_token_type",
            f"{token_type!r} is no token type; use one of "
            f"{', '.join(TokenType.values)}.",
        )
