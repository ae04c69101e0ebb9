"""A tariff in words, in each language."""

import re
from dataclasses import fields

import pytest
from hypothesis import given

from billing.pricing import (
    LANGUAGES,
    describe,
    language_of,
    tariff_text,
    total_words,
)
from tests.unit.billing.pricing.making import component, element, tariff
from tests.unit.billing.pricing.strategies import tariffs

DAY_WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (tariff(element(component("FLAT", 0, step=0))), "Free of charge."),
        (
            tariff(element(component("ENERGY", 0)), min_price={"before_taxes": "0.00"}),
            "Free of charge.",
        ),
        (
            tariff(
                element(
                    component("FLAT", "0.50", vat=20),
                    component("ENERGY", "0.25", vat=10),
                    component("PARKING_TIME", "2.00", vat=20, step=900),
                ),
                max_price={"before_taxes": 10, "after_taxes": 11},
                min_price={"before_taxes": "0.5", "after_taxes": "0.55"},
            ),
            (
                "Start fee: 0.60 EUR. Energy: 0.275 EUR per kWh. Parking after "
                "charging: 2.40 EUR per hour, billed per 15 min. At least 0.55 EUR. "
                "At most 11.00 EUR. Prices include taxes."
            ),
        ),
        (
            tariff(
                element(
                    component("ENERGY", "0.30", step=500),
                    start_time="08:00",
                    end_time="00:00",
                    day_of_week=DAY_WEEK,
                ),
                element(
                    component("ENERGY", "0.25", step=2000),
                    end_time="06:00",
                    day_of_week=["SATURDAY", "SUNDAY"],
                ),
                element(component("ENERGY", 0), start_time="22:00"),
                element(component("ENERGY", "0.20")),
            ),
            (
                "Energy: 0.30 EUR per kWh, billed per 500 Wh (Mon–Fri, 08:00–24:00); "
                "otherwise 0.25 EUR per kWh, billed per 2 kWh (Sat Sun, 00:00–06:00); "
                "otherwise free (22:00–24:00); otherwise 0.20 EUR per kWh. "
                "Taxes may be added."
            ),
        ),
        (
            tariff(
                element(
                    component("TIME", 100, step=90),
                    min_duration=1800,
                    max_duration=7200,
                    min_kwh=0,
                    max_kwh="10.50",
                    min_power=11,
                    max_current=20,
                    start_date="2024-01-01",
                    end_date="2024-02-01",
                ),
                tax_included="N/A",
                currency="JPY",
                max_price={"before_taxes": 1000, "after_taxes": 1100},
            ),
            (
                "Charging time: 100 JPY per hour, billed per 90 s (from 2024-01-01, "
                "before 2024-02-01, from 30 min, below 2 h, below 10.5 kWh, from "
                "11 kW, below 20 A). At most 1000 JPY. No taxes apply."
            ),
        ),
        (
            tariff(
                element(
                    component("FLAT", 2),
                    component("TIME", 5),
                    reservation="RESERVATION",
                ),
                element(
                    component("FLAT", 4),
                    component("TIME", 6),
                    reservation="RESERVATION_EXPIRES",
                ),
                element(component("ENERGY", "0.44", vat=10)),
                tax_included="YES",
                min_price={"before_taxes": 1},
            ),
            (
                "Energy: 0.44 EUR per kWh. Reservation fee: 2.00 EUR. "
                "Reservation: 5.00 EUR per hour. Fee for an unused reservation: "
                "4.00 EUR. Unused reservation: 6.00 EUR per hour. "
                "At least 1.00 EUR before taxes. Prices include taxes."
            ),
        ),
        (
            tariff(
                element(
                    component("FLAT", 1, vat=0),
                    day_of_week=["SATURDAY", "SUNDAY", "MONDAY"],
                ),
                element(
                    component("FLAT", 2, vat=0),
                    day_of_week=["TUESDAY", "WEDNESDAY", "THURSDAY"],
                ),
                element(component("TIME", 3, vat=0, step=3600)),
            ),
            (
                "Start fee: 1.00 EUR (Mon Sat Sun); otherwise 2.00 EUR (Tue–Thu). "
                "Charging time: 3.00 EUR per hour, billed per 1 h. "
                "Prices include taxes."
            ),
        ),
        (
            tariff(
                element(component("ENERGY", 1, vat=10)),
                tax_included="N/A",
                min_price={"before_taxes": 1},
            ),
            "Energy: 1.00 EUR per kWh. At least 1.00 EUR. No taxes apply.",
        ),
        (
            tariff(
                element(component("ENERGY", 0, vat=10)), min_price={"before_taxes": 1}
            ),
            "Energy: free. At least 1.00 EUR. Taxes may be added.",
        ),
    ],
)
def test_the_text_says_every_price_and_its_conditions(rules, text):
    assert describe(rules) == text


GERMAN_FULL = (
    "Startgebühr: 0,60 EUR. Energie: 0,275 EUR pro kWh. Parken nach dem Laden: "
    "2,40 EUR pro Stunde, abgerechnet je 15 min. Mindestens 0,55 EUR. Höchstens "
    "11,00 EUR. Preise inklusive Steuern."
)
CHINESE_FULL = (
    "起步费：0.60 EUR。电量：0.275 EUR / kWh。充电后占位：2.40 EUR / 小时，"  # noqa: RUF001
    "按 15 min 计费。最低 0.55 EUR。最高 11.00 EUR。价格含税。"
)


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", GERMAN_FULL), ("de-AT", GERMAN_FULL), ("zh_Hans", CHINESE_FULL)],
)
def test_the_same_tariff_reads_in_each_language(language, text):
    rules = tariff(
        element(
            component("FLAT", "0.50", vat=20),
            component("ENERGY", "0.25", vat=10),
            component("PARKING_TIME", "2.00", vat=20, step=900),
        ),
        max_price={"before_taxes": 10, "after_taxes": 11},
        min_price={"before_taxes": "0.5", "after_taxes": "0.55"},
    )
    assert describe(rules, language) == text


@pytest.mark.parametrize("tag", [None, "", "fr", "en-GB", "xx-Hans"])
def test_a_language_that_is_not_spoken_is_english(tag):
    assert language_of(tag) == "en"


def test_the_total_at_the_end_is_told_in_each_language():
    assert [total_words(1240, "EUR", tag) for tag in ("en", "de", "zh")] == [
        "Total 12.40 EUR",
        "Summe 12,40 EUR",
        "合计 12.40 EUR",
    ]
    assert total_words(500, "JPY") == "Total 500 JPY"


def test_a_page_writes_amounts_its_own_way():
    rules = tariff(element(component("ENERGY", "1200.5", vat=0)))
    text = tariff_text(rules, "en", amount=lambda value, code: f"<{code}{value}>")
    assert text.rows[0].prices == ("<EUR1200.50> per kWh",)


SHARED = {"kWh", "Wh", "kW", "A", "h", "min", "s", "EUR", "JPY", "KWD"}
"""Units and currencies are the same everywhere."""


def vocabulary_of(words):
    texts = []
    for field in fields(words):
        value = getattr(words, field.name)
        texts += [value] if isinstance(value, str) else value
    return set(re.findall(r"[^\W\d_]+", " ".join(texts)))


def shape(text):
    """How much is said of what, whatever the words."""
    return len(text.rows), len(text.notes), [len(row.prices) for row in text.rows]


def numbers(text):
    return sorted(re.findall(r"\d+(?:[:.-]\d+)*", " ".join(text).replace(",", ".")))


@given(tariffs())
def test_every_tariff_has_words_in_each_language_and_no_others(rules):
    english = tariff_text(rules, "en")
    for language, words in LANGUAGES.items():
        text = tariff_text(rules, language)
        said = text.sentences()
        assert shape(text) == shape(english)
        found = set(re.findall(r"[^\W\d_]+", " ".join(said)))
        assert found <= vocabulary_of(words) | SHARED
        assert "{" not in "".join(said)
        assert numbers(said) == numbers(english.sentences())


@given(tariffs())
def test_every_price_and_condition_is_told(rules):
    said = " ".join(tariff_text(rules, "en").sentences())
    if said == "Free of charge.":
        return
    for item in rules.elements:
        limits = item.restrictions
        for value, unit in (
            (limits.max_kwh, "kWh"),
            (limits.max_power, "kW"),
            (limits.max_current, "A"),
        ):
            assert value is None or f"below {value} {unit}" in said
        if limits.start_time is not None:
            assert f"{limits.start_time:%H:%M}–" in said
        if limits.end_date is not None:
            assert f"before {limits.end_date}" in said
    count = sum(len(item.price_components) for item in rules.elements)
    assert sum(len(row.prices) for row in tariff_text(rules).rows) == count


def test_a_price_is_told_to_four_decimals():
    rules = tariff(element(component("ENERGY", "0.123456")))
    assert tariff_text(rules).rows[0].prices == ("0.1235 EUR per kWh",)


def test_a_least_price_with_taxes_is_not_free():
    rules = tariff(
        element(component("ENERGY", 0)),
        min_price={"before_taxes": 0, "after_taxes": 1},
    )
    assert "At least 1.00 EUR." in describe(rules)


@pytest.mark.parametrize(("parking", "told"), [(2, True), (0, False)])
def test_the_grace_is_told_beside_other_prices_where_parking_costs(parking, told):
    rules = tariff(
        element(component("ENERGY", 1), component("PARKING_TIME", parking)),
        idle_fee={"grace_seconds": 600},
    )
    assert ("first 10 min of parking" in describe(rules)) is told


def test_a_price_that_includes_its_taxes_is_told_as_it_stands():
    rules = tariff(element(component("ENERGY", "0.60", vat=20)), tax_included="YES")
    assert describe(rules) == "Energy: 0.60 EUR per kWh. Prices include taxes."
