"""Short ways to make tariffs and sessions for the tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from billing.pricing import ChargingPeriod, Session, parse_tariff

MONDAY = datetime(2024, 6, 3, 8, tzinfo=UTC)
"""A Monday, 10:00 in Berlin."""

ZONE = "Europe/Berlin"


def component(dimension, price, *, vat=None, step=1):
    found = {"type": dimension, "price": price, "step_size": step}
    return found if vat is None else found | {"vat": vat}


def element(*components, **restrictions):
    found = {"price_components": list(components)}
    return found | {"restrictions": restrictions} if restrictions else found


def document(*elements, **fields):
    return {"id": "1", "currency": "EUR", "elements": list(elements)} | fields


def tariff(*elements, **fields):
    return parse_tariff(document(*elements, **fields))


def session(*pieces, at=MONDAY, zone=ZONE):
    """Consecutive (state, minutes, kWh, current A, power kW); the tail may miss."""
    periods = []
    for piece in pieces:
        state, minutes, kwh, current, power = (
            *piece,
            *(0, None, None)[len(piece) - 2 :],
        )
        ends = at + timedelta(minutes=minutes)
        load = tuple(None if x is None else Decimal(str(x)) for x in (current, power))
        periods.append(
            ChargingPeriod.in_kwh(state, at, ends, Decimal(str(kwh)), load=load)
        )
        at = ends
    return Session(tuple(periods), zone)


def totals(priced):
    """Totals before and after taxes as texts without needless zeros."""
    return tuple(
        f"{value.normalize():f}" for value in (priced.before_taxes, priced.after_taxes)
    )
