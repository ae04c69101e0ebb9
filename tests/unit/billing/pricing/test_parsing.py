"""Reading tariffs: both versions, exact numbers, and errors that name the field."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from billing.pricing import UnableToParseTariff, parse_tariff
from billing.pricing.tariff import (
    Day,
    Dimension,
    DisplayText,
    IdleFee,
    PriceComponent,
    PriceLimit,
    ReservationKind,
    Restrictions,
    TariffElement,
    TariffType,
    TaxIncluded,
)
from tests.unit.billing.pricing.making import component, document, element

FULL = {
    "country_code": "DE",
    "party_id": "ALL",
    "id": "day-and-night",
    "currency": "EUR",
    "type": "REGULAR",
    "tariff_alt_text": [{"language": "en", "text": "By day and by night"}],
    "tariff_alt_url": "https://example.com/tariffs/1",
    "min_price": {"before_taxes": 0.5, "after_taxes": "0.6"},
    "max_price": {"before_taxes": 50},
    "preauthorize_amount": 40,
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.1, "vat": "20.0", "step_size": 1}
            ],
            "restrictions": {
                "start_time": "08:00",
                "end_time": "00:00",
                "start_date": "2024-01-01",
                "end_date": "2025-01-01",
                "min_kwh": 1,
                "max_kwh": 20.5,
                "min_current": 0,
                "max_current": 32,
                "min_power": 1,
                "max_power": 11,
                "min_duration": 60,
                "max_duration": 3600,
                "day_of_week": ["SUNDAY", "MONDAY", "SUNDAY"],
            },
        },
        {
            "price_components": [{"type": "FLAT", "price": 1, "step_size": 0}],
            "restrictions": {"reservation": "RESERVATION_EXPIRES"},
        },
    ],
    "tax_included": "YES",
    "start_date_time": "2024-01-01T00:00:00",
    "end_date_time": "2025-01-01T01:00:00+01:00",
    "energy_mix": {
        "is_green_energy": True,
        "energy_sources": [{"source": "SOLAR", "percentage": 79.9}],
        "environ_impact": [{"category": "CARBON_DIOXIDE", "amount": 372}],
        "supplier_name": "Greenpeace Energy eG",
        "energy_product_name": "eco-power",
    },
    "idle_fee": {"grace_seconds": 600, "cap_seconds": 14400},
    "last_updated": "2023-12-24T18:00:00.5Z",
    "something_of_a_later_version": {},
}


def test_every_field_is_read():
    tariff = parse_tariff(FULL)
    assert tariff.country_code == "DE"
    assert tariff.party_id == "ALL"
    assert tariff.type is TariffType.REGULAR
    assert tariff.tax_included is TaxIncluded.YES
    assert tariff.tariff_alt_text == (DisplayText("en", "By day and by night"),)
    assert tariff.tariff_alt_url == "https://example.com/tariffs/1"
    assert tariff.min_price == PriceLimit(Decimal("0.5"), Decimal("0.6"))
    assert tariff.max_price == PriceLimit(Decimal(50))
    assert tariff.preauthorize_amount == 40
    assert tariff.start_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert tariff.end_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert tariff.energy_mix == FULL["energy_mix"]
    assert tariff.idle_fee == IdleFee(600, 14_400)
    assert tariff.last_updated_at == datetime(2023, 12, 24, 18, 0, 0, 500_000, UTC)
    first, second = tariff.elements
    assert first == TariffElement(
        (PriceComponent(Dimension.ENERGY, Decimal("0.1"), 1, Decimal(20)),),
        Restrictions(
            start_time=time(8),
            end_time=time(0),
            start_date=date(2024, 1, 1),
            end_date=date(2025, 1, 1),
            min_kwh=Decimal(1),
            max_kwh=Decimal("20.5"),
            min_current=Decimal(0),
            max_current=Decimal(32),
            min_power=Decimal(1),
            max_power=Decimal(11),
            min_duration=60,
            max_duration=3600,
            day_of_week=(Day.MONDAY, Day.SUNDAY),
        ),
    )
    assert second.restrictions.reservation is ReservationKind.EXPIRES


def test_the_older_version_names_its_limits_otherwise_and_excludes_taxes():
    tariff = parse_tariff(
        document(
            element(component("ENERGY", "0.25")),
            min_price={"excl_vat": 1, "incl_vat": 1.2},
            max_price={"excl_vat": 9},
        )
    )
    assert tariff.tax_included is TaxIncluded.NO
    assert tariff.min_price == PriceLimit(Decimal(1), Decimal("1.2"))
    assert tariff.max_price == PriceLimit(Decimal(9))


@pytest.mark.parametrize("price", ["0.10", 0.1, Decimal("0.1"), "1e-1"])
def test_numbers_are_exact_however_they_are_written(price):
    tariff = parse_tariff(document(element(component("ENERGY", price))))
    assert tariff.elements[0].price_components[0].price == Decimal("0.1")


def test_nulls_and_empty_restrictions_are_absent():
    plain = document(element(component("ENERGY", 1)))
    nulls = json.loads(json.dumps(plain))
    nulls |= {"min_price": None, "tariff_alt_text": None, "energy_mix": None}
    nulls["elements"][0]["restrictions"] = {"day_of_week": [], "min_kwh": None}
    assert parse_tariff(nulls) == parse_tariff(plain)


def _with(path, value):
    """The full tariff with one field set; a value of ``...`` removes it."""
    found = json.loads(json.dumps(FULL))
    *way, last = path
    here = found
    for step in way:
        here = here[step]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return found


COMPONENT = ("elements", 0, "price_components", 0)
LIMITS = ("elements", 0, "restrictions")

BAD = [
    (("id",), ..., "id"),
    (("id",), 7, "id"),
    (("id",), " ", "id"),
    (("id",), "x" * 37, "id"),
    (("currency",), ..., "currency"),
    (("currency",), "eur", "currency"),
    (("currency",), 978, "currency"),
    (("type",), "HAPPY_HOUR", "type"),
    (("type",), ["REGULAR"], "type"),
    (("tax_included",), "MAYBE", "tax_included"),
    (("elements",), ..., "elements"),
    (("elements",), [], "elements"),
    (("elements",), {}, "elements"),
    (("elements",), [FULL["elements"][0]] * 201, "elements"),
    (("elements", 1), "x", "elements[1]"),
    (("elements", 1, "price_components"), ..., "elements[1].price_components"),
    (("elements", 1, "price_components"), [], "elements[1].price_components"),
    (("elements", 1, "restrictions"), [], "elements[1].restrictions"),
    ((*COMPONENT, "type"), ..., "elements[0].price_components[0].type"),
    ((*COMPONENT, "type"), "POWER", "elements[0].price_components[0].type"),
    ((*COMPONENT, "price"), ..., "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), "cheap", "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), True, "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), [1], "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), -1, "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), "NaN", "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), "1e999999", "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), "1e-999999", "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), "1e25", "elements[0].price_components[0].price"),
    ((*COMPONENT, "price"), "1e-25", "elements[0].price_components[0].price"),
    ((*COMPONENT, "vat"), 101, "elements[0].price_components[0].vat"),
    ((*COMPONENT, "step_size"), ..., "elements[0].price_components[0].step_size"),
    ((*COMPONENT, "step_size"), 1.5, "elements[0].price_components[0].step_size"),
    ((*COMPONENT, "step_size"), -1, "elements[0].price_components[0].step_size"),
    ((*COMPONENT, "step_size"), 2_678_401, "elements[0].price_components[0].step_size"),
    ((*COMPONENT, "step_size"), 10**9, "elements[0].price_components[0].step_size"),
    ((*LIMITS, "start_time"), "8:00", "elements[0].restrictions.start_time"),
    ((*LIMITS, "end_time"), "24:00", "elements[0].restrictions.end_time"),
    ((*LIMITS, "end_time"), 8, "elements[0].restrictions.end_time"),
    ((*LIMITS, "start_date"), "20240101", "elements[0].restrictions.start_date"),
    ((*LIMITS, "start_date"), "2024-02-30", "elements[0].restrictions.start_date"),
    ((*LIMITS, "end_date"), "2024-01-01", "elements[0].restrictions.end_date"),
    ((*LIMITS, "max_kwh"), 1, "elements[0].restrictions.max_kwh"),
    ((*LIMITS, "max_current"), 0, "elements[0].restrictions.max_current"),
    ((*LIMITS, "max_power"), "0.5", "elements[0].restrictions.max_power"),
    ((*LIMITS, "max_duration"), 60, "elements[0].restrictions.max_duration"),
    (
        (*LIMITS, "day_of_week"),
        ["MONDAY", "MON"],
        "elements[0].restrictions.day_of_week[1]",
    ),
    ((*LIMITS, "day_of_week"), "MONDAY", "elements[0].restrictions.day_of_week"),
    (
        (*LIMITS, "reservation"),
        "RESERVATION",
        "elements[0].price_components[0].type",
    ),
    (("min_price",), 5, "min_price"),
    (("min_price",), {}, "min_price.before_taxes"),
    (("min_price",), {"incl_vat": 1}, "min_price.excl_vat"),
    (("min_price",), {"before_taxes": 2, "after_taxes": 1}, "min_price.after_taxes"),
    (("max_price",), {"before_taxes": "0.4"}, "max_price"),
    (("max_price",), {"before_taxes": "0.5", "after_taxes": "0.55"}, "max_price"),
    (("start_date_time",), "yesterday", "start_date_time"),
    (("start_date_time",), 20240101, "start_date_time"),
    (("end_date_time",), "2024-01-01T00:00:00Z", "end_date_time"),
    (("energy_mix",), "green", "energy_mix"),
    (("tariff_alt_text",), [{"language": "en"}], "tariff_alt_text[0].text"),
    (("tariff_alt_text",), [{"text": "x"}], "tariff_alt_text[0].language"),
    (
        ("tariff_alt_text",),
        [{"language": "deu", "text": "x"}],
        "tariff_alt_text[0].language",
    ),
    (
        ("tariff_alt_text",),
        [{"language": "en", "text": "x"}] * 101,
        "tariff_alt_text",
    ),
    (("preauthorize_amount",), -1, "preauthorize_amount"),
]


@pytest.mark.parametrize(("path", "value", "named"), BAD)
def test_a_bad_field_is_refused_by_its_path(path, value, named):
    with pytest.raises(UnableToParseTariff) as refusal:
        parse_tariff(_with(path, value))
    assert refusal.value.path == named
    assert refusal.value.extra["path"] == named
    assert refusal.value.message.startswith(f"{named}: ")
    assert refusal.value.code == "tariff_invalid"
    assert refusal.value.status == 422


def test_what_is_no_object_is_refused_with_a_short_message():
    with pytest.raises(UnableToParseTariff) as refusal:
        parse_tariff(["x" * 1000])
    assert refusal.value.path == "(document)"
    assert len(refusal.value.message) < 200


def test_the_greatest_numbers_of_elements_texts_and_seconds_are_taken():
    long = element(component("TIME", 1, step=31 * 24 * 3600))
    texts = [{"language": "en", "text": "x"}] * 100
    tariff = parse_tariff(document(*[long] * 200, tariff_alt_text=texts))
    assert (len(tariff.elements), len(tariff.tariff_alt_text)) == (200, 100)
    assert tariff.elements[0].price_components[0].step_size == 2_678_400


def test_a_least_price_may_be_the_greatest_one_too():
    limit = {"before_taxes": 5, "after_taxes": 6}
    tariff = parse_tariff(
        document(element(component("FLAT", 1)), min_price=limit, max_price=limit)
    )
    assert tariff.min_price == tariff.max_price == PriceLimit(Decimal(5), Decimal(6))


def test_a_price_of_minus_zero_is_zero():
    tariff = parse_tariff(document(element(component("FLAT", "-0"))))
    assert str(tariff.elements[0].price_components[0].price) == "0"


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("elements",), ..., "elements: is missing"),
        ((*COMPONENT, "vat"), 101, "it must be 0 to 100."),
        ((*COMPONENT, "price"), "x" * 58, f"not '{'x' * 58}'."),
        ((*COMPONENT, "price"), "x" * 59, f"not '{'x' * 56}...."),
    ],
)
def test_a_refusal_tells_what_came_in_short_and_what_must_come(path, value, told):
    with pytest.raises(UnableToParseTariff) as refusal:
        parse_tariff(_with(path, value))
    assert told in refusal.value.message
