"""A tariff in plain English, short enough for a charger's display.

Prices are shown as a driver pays them, with taxes, wherever the tariff says the
rates; otherwise the text says that taxes are added.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from billing.pricing.exact import decimal_of, fine, rounded
from billing.pricing.plan import tax_factor
from billing.pricing.tariff import (
    Day,
    Dimension,
    PriceComponent,
    ReservationKind,
    Restrictions,
    Tariff,
    TaxIncluded,
)
from cpms.kernel.money import minor_digits

SHOWN_DIGITS_MAX: Final = 4
"""Decimals of a shown price: more cannot be read on a display."""

_NAMES: Final = {
    (Dimension.FLAT, None): "Start fee",
    (Dimension.ENERGY, None): "Energy",
    (Dimension.TIME, None): "Charging time",
    (Dimension.PARKING_TIME, None): "Parking after charging",
    (Dimension.FLAT, ReservationKind.RESERVATION): "Reservation fee",
    (Dimension.TIME, ReservationKind.RESERVATION): "Reservation",
    (Dimension.FLAT, ReservationKind.EXPIRES): "Fee for an unused reservation",
    (Dimension.TIME, ReservationKind.EXPIRES): "Unused reservation",
}
_UNITS: Final = {
    Dimension.FLAT: "",
    Dimension.ENERGY: " per kWh",
    Dimension.TIME: " per hour",
    Dimension.PARKING_TIME: " per hour",
}


def describe(tariff: Tariff) -> str:
    """A few sentences: every price with its conditions, limits, taxes.

    Where several prices stand for the same thing, the first whose condition holds
    counts; the text lists them in that order.
    """
    priced = [
        component
        for element in tariff.elements
        for component in element.price_components
        if component.price
    ]
    least = tariff.min_price
    if not priced and (least is None or not least.before_taxes):
        return "Free of charge."
    sentences = [f"{name}: {prices}." for name, prices in _prices(tariff)]
    if tariff.min_price is not None:
        sentences.append(f"At least {_limit(tariff, least=True)}.")
    if tariff.max_price is not None:
        sentences.append(f"At most {_limit(tariff, least=False)}.")
    sentences.append(_taxes(tariff, priced))
    return " ".join(sentences)


def _prices(tariff: Tariff) -> Iterable[tuple[str, str]]:
    """Per subject its prices in list order, later ones as «otherwise»."""
    subjects: dict[tuple[Dimension, ReservationKind | None], list[str]] = {}
    for element in tariff.elements:
        for component in element.price_components:
            kind = element.restrictions.reservation
            text = _price(tariff, component)
            conditions = ", ".join(_conditions(element.restrictions))
            found = subjects.setdefault((component.type, kind), [])
            if conditions:
                text = f"{text} ({conditions})"
            found.append(f"otherwise {text}" if found else text)
    for key, name in _NAMES.items():
        if key in subjects:
            yield name, "; ".join(subjects[key])


def _price(tariff: Tariff, component: PriceComponent) -> str:
    if not component.price:
        return "free"
    text = f"{_amount(tariff, component)}{_UNITS[component.type]}"
    block = _block(component)
    return f"{text}, billed per {block}" if block else text


def _amount(tariff: Tariff, component: PriceComponent) -> str:
    price = Fraction(component.price)
    if tariff.tax_included is TaxIncluded.NO and _rates_known(tariff):
        price *= tax_factor(tariff, component.vat)
    return _shown(decimal_of(fine(price, 1)), tariff.currency)


def _shown(amount: Decimal, currency: str) -> str:
    """At least the currency's decimals, more only where they say something."""
    digits = minor_digits(currency)
    value = rounded(amount, max(SHOWN_DIGITS_MAX, digits))
    text = f"{value:f}"
    while text[-1] == "0" and len(text) - text.index(".") - 1 > digits:
        text = text[:-1]
    return f"{text.rstrip('.')} {currency}"


def _block(component: PriceComponent) -> str:
    """The billing block where a driver would notice it."""
    step = component.step_size
    if component.type is Dimension.FLAT or step <= 1:
        return ""
    if component.type is Dimension.ENERGY:
        return f"{step} Wh" if step % 1000 else f"{step // 1000} kWh"
    return _span(step)


def _span(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"


def _conditions(restrictions: Restrictions) -> Iterable[str]:
    yield from _calendar(restrictions)
    lengths = (
        None if restrictions.min_duration is None else _span(restrictions.min_duration),
        None if restrictions.max_duration is None else _span(restrictions.max_duration),
    )
    yield from _range(*lengths)
    for least, most, unit in (
        (restrictions.min_kwh, restrictions.max_kwh, "kWh"),
        (restrictions.min_power, restrictions.max_power, "kW"),
        (restrictions.min_current, restrictions.max_current, "A"),
    ):
        yield from _range(_quantity(least, unit), _quantity(most, unit))


def _calendar(restrictions: Restrictions) -> Iterable[str]:
    if restrictions.day_of_week:
        yield _days(restrictions.day_of_week)
    start, end = restrictions.start_time, restrictions.end_time
    if start is not None or end is not None:
        from_text = "00:00" if start is None else f"{start:%H:%M}"
        until = "24:00" if end is None else f"{end:%H:%M}"
        yield f"{from_text}–{'24:00' if until == '00:00' else until}"
    if restrictions.start_date is not None:
        yield f"from {restrictions.start_date.isoformat()}"
    if restrictions.end_date is not None:
        yield f"before {restrictions.end_date.isoformat()}"


def _days(days: tuple[Day, ...]) -> str:
    """Mon–Fri for a run of three or more, else one by one."""
    week = list(Day)
    first, last = week.index(days[0]), week.index(days[-1])
    short = [day.title()[:3] for day in days]
    if len(days) > 2 and last - first + 1 == len(days):
        return f"{short[0]}–{short[-1]}"
    return " ".join(short)


def _quantity(value: Decimal | None, unit: str) -> str | None:
    if value is None:
        return None
    text = f"{value:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def _range(least: str | None, most: str | None) -> Iterable[str]:
    if least is not None and not least.startswith("0 "):
        yield f"from {least}"
    if most is not None:
        yield f"below {most}"


def _limit(tariff: Tariff, *, least: bool) -> str:
    limit = tariff.min_price if least else tariff.max_price
    assert limit is not None, "asked by the caller"
    stated = limit.after_taxes
    if stated is None or tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        stated = limit.before_taxes
    text = _shown(stated, tariff.currency)
    without = limit.after_taxes is None and any(_rates(tariff))
    return f"{text} before taxes" if without else text


def _rates(tariff: Tariff) -> set[Decimal | None]:
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return set()
    return {
        component.vat
        for element in tariff.elements
        for component in element.price_components
        if component.price
    }


def _rates_known(tariff: Tariff) -> bool:
    return None not in _rates(tariff)


def _taxes(tariff: Tariff, priced: list[PriceComponent]) -> str:
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return "No taxes apply."
    if tariff.tax_included is TaxIncluded.NO and not (priced and _rates_known(tariff)):
        return "Taxes may be added."
    return "Prices include taxes."
