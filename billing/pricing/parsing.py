"""JSON of OCPI 2.2.1 and 2.3.0 → ``Tariff``.

What the versions call differently is read by its own name, so one function takes
both: price limits ``excl_vat``/``incl_vat`` (2.2.1) or ``before_taxes``/
``after_taxes`` (2.3.0), and ``tax_included``, which 2.2.1 does not have: there a
price is always without VAT, which is NO.

Unknown fields are skipped, as OCPI asks; a field that is known must be right.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from billing.pricing.fields import Fields, UnableToParseTariff
from billing.pricing.tariff import (
    UNRESTRICTED,
    Day,
    Dimension,
    DisplayText,
    IdleFee,
    PriceComponent,
    PriceLimit,
    ReservationKind,
    Restrictions,
    Tariff,
    TariffElement,
    TariffType,
    TaxIncluded,
    Validity,
)
from cpms.kernel.money import minor_digits

ELEMENTS_MAX: Final = 200
"""Elements of one tariff; more are a mistake, and every one costs time per charge."""

COMPONENTS_MAX: Final = 20
"""Price components of one element."""

TEXTS_MAX: Final = 100
"""Languages of the alternative text."""

STEP_SIZE_MAX: Final = 31 * 24 * 3600
"""A billing block of a month (or 2.7 MWh) is the most that can be meant."""

IDLE_SECONDS_MAX: Final = 31 * 24 * 3600
"""Longest grace or cap of idle time; nobody parks a month."""

_PAIRS: Final = (
    ("min_kwh", "max_kwh"),
    ("min_current", "max_current"),
    ("min_power", "max_power"),
    ("min_duration", "max_duration"),
)


def parse_tariff(value: Mapping[str, Any]) -> Tariff:
    """Read a tariff object of OCPI 2.2.1 or 2.3.0.

    Args:
        value: the parsed JSON object. Read it with ``parse_float=Decimal``, or give
            numbers as texts; floats are taken by their shortest text.

    Raises:
        UnableToParseTariff: the path of the first bad field, and what it must be.
    """
    fields = Fields(value, UnableToParseTariff)
    least, most = _limit(fields, "min_price"), _limit(fields, "max_price")
    _check_limits(fields, least, most)
    validity = _validity(fields)
    return Tariff(
        id=fields.required_text("id", max_length=36),
        currency=_currency(fields),
        elements=_elements(fields),
        tax_included=fields.one_of("tax_included", TaxIncluded) or TaxIncluded.NO,
        country_code=fields.text("country_code", max_length=2),
        party_id=fields.text("party_id", max_length=3),
        type=validity.type,
        min_price=least,
        max_price=most,
        preauthorize_amount=fields.number("preauthorize_amount"),
        tariff_alt_text=_texts(fields),
        tariff_alt_url=fields.text("tariff_alt_url", max_length=255),
        start_at=validity.start_at,
        end_at=validity.end_at,
        energy_mix=_energy_mix(fields),
        idle_fee=_idle_fee(fields),
        last_updated_at=fields.instant("last_updated"),
    )


def validity_of(value: Mapping[str, Any]) -> Validity:
    """When and for whom a tariff object may be sold; nothing else of it is read.

    Raises:
        UnableToParseTariff: the path of the bad field, and what it must be.
    """
    return _validity(Fields(value, UnableToParseTariff))


def _validity(fields: Fields) -> Validity:
    starts, ends = fields.instant("start_date_time"), fields.instant("end_date_time")
    if starts is not None and ends is not None and starts >= ends:
        raise fields.fail("end_date_time", "must be after start_date_time.")
    return Validity(fields.one_of("type", TariffType), starts, ends)


def _currency(fields: Fields) -> str:
    currency = fields.required("currency")
    try:
        minor_digits(currency)
    except (TypeError, ValueError):
        raise fields.fail(
            "currency",
            f"is {currency!r}; it must be an ISO 4217 code: three upper-case letters.",
        ) from None
    return str(currency)


def _limit(fields: Fields, name: str) -> PriceLimit | None:
    if not fields.has(name):
        return None
    limit = fields.inner(name)
    before_name, after_name = (
        ("excl_vat", "incl_vat")
        if limit.has("excl_vat") or limit.has("incl_vat")
        else ("before_taxes", "after_taxes")
    )
    before, after = limit.required_number(before_name), limit.number(after_name)
    if after is not None and after < before:
        raise limit.fail(after_name, f"must not be below {before_name}.")
    return PriceLimit(before, after)


def _check_limits(
    fields: Fields, least: PriceLimit | None, most: PriceLimit | None
) -> None:
    """A least price above the greatest one would leave no price at all."""
    if least is None or most is None:
        return
    after = least.after_taxes, most.after_taxes
    if most.before_taxes < least.before_taxes or (
        after[0] is not None and after[1] is not None and after[1] < after[0]
    ):
        raise fields.fail("max_price", "must not be below min_price.")


def _elements(fields: Fields) -> tuple[TariffElement, ...]:
    return tuple(
        _element(element) for element in fields.objects("elements", most=ELEMENTS_MAX)
    )


def _element(fields: Fields) -> TariffElement:
    restrictions = UNRESTRICTED
    if fields.has("restrictions"):
        restrictions = _restrictions(fields.inner("restrictions"))
    components = tuple(
        _component(component, reservation=restrictions.reservation is not None)
        for component in fields.objects("price_components", most=COMPONENTS_MAX)
    )
    return TariffElement(components, restrictions)


def _component(fields: Fields, *, reservation: bool) -> PriceComponent:
    dimension = fields.word("type", fields.required("type"), Dimension)
    if reservation and dimension not in {Dimension.FLAT, Dimension.TIME}:
        raise fields.fail(
            "type", f"is {dimension}; a reservation has only FLAT and TIME."
        )
    price = fields.required_number("price")
    step_size = fields.integer("step_size")
    if step_size is None:
        raise fields.fail("step_size", "is missing; OCPI requires it.")
    if step_size > STEP_SIZE_MAX:
        raise fields.fail("step_size", f"must be at most {STEP_SIZE_MAX}.")
    vat = fields.number("vat", most=Decimal(100))
    return PriceComponent(dimension, price, step_size, vat)


def _restrictions(fields: Fields) -> Restrictions:
    restrictions = Restrictions(
        start_time=fields.clock("start_time"),
        end_time=fields.clock("end_time"),
        start_date=fields.day("start_date"),
        end_date=fields.day("end_date"),
        min_kwh=fields.number("min_kwh"),
        max_kwh=fields.number("max_kwh"),
        min_current=fields.number("min_current"),
        max_current=fields.number("max_current"),
        min_power=fields.number("min_power"),
        max_power=fields.number("max_power"),
        min_duration=fields.integer("min_duration"),
        max_duration=fields.integer("max_duration"),
        day_of_week=_days(fields),
        reservation=fields.one_of("reservation", ReservationKind),
    )
    _check_restrictions(fields, restrictions)
    return restrictions


def _check_restrictions(fields: Fields, restrictions: Restrictions) -> None:
    """Refuse an element that can never be active: its price would silently be lost."""
    first, last = restrictions.start_date, restrictions.end_date
    if first is not None and last is not None and last <= first:
        raise fields.fail("end_date", "must be after start_date; it is exclusive.")
    for least_name, most_name in _PAIRS:
        least = getattr(restrictions, least_name) or 0
        most = getattr(restrictions, most_name)
        if most is not None and most <= least:
            raise fields.fail(
                most_name,
                f"must be above {least_name if least else '0'}; it is exclusive.",
            )


def _days(fields: Fields) -> tuple[Day, ...]:
    """The days in the order of the week, each once."""
    named = {
        fields.word(f"day_of_week[{index}]", item, Day)
        for index, item in enumerate(fields.items("day_of_week"))
    }
    return tuple(day for day in Day if day in named)


def _texts(fields: Fields) -> tuple[DisplayText, ...]:
    if not fields.items("tariff_alt_text"):
        return ()
    return tuple(
        DisplayText(
            language=text.required_text("language", max_length=2),
            text=text.required_text("text", max_length=512),
        )
        for text in fields.objects("tariff_alt_text", most=TEXTS_MAX)
    )


def _energy_mix(fields: Fields) -> Mapping[str, Any] | None:
    if not fields.has("energy_mix"):
        return None
    fields.inner("energy_mix")
    mix: Mapping[str, Any] = fields.raw("energy_mix")
    return mix


def _idle_fee(fields: Fields) -> IdleFee | None:
    if not fields.has("idle_fee"):
        return None
    stated = fields.inner("idle_fee")
    most = Decimal(IDLE_SECONDS_MAX)
    grace = stated.integer("grace_seconds", most=most)
    cap = stated.integer("cap_seconds", least=1, most=most)
    if grace is None and cap is None:
        raise fields.fail(
            "idle_fee", "must state grace_seconds or cap_seconds, or be left out."
        )
    return IdleFee(grace or 0, cap)
