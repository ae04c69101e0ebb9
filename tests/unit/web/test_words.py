"""Amounts, prices and plots as people read them."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from billing.pricing import parse_tariff
from cpms.web import figures
from cpms.web.plot import power_svg
from cpms.web.prices import PriceText, price_text
from cpms.web.problems import BY_CODE, GENERAL, problem_of
from tests.factories.tariffs import component, ocpi

T0 = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
FULL = ocpi(
    component(price="0.50", step=1000),
    component("TIME", "3.00", step=60),
    component("PARKING_TIME", "6.00", step=900),
    component("FLAT", "1.00"),
)
FULL["elements"].insert(
    0,
    {
        "price_components": [component(price="0.25")],
        "restrictions": {
            "day_of_week": ["MONDAY", "TUESDAY", "WEDNESDAY", "SUNDAY"],
            "start_time": "22:00",
            "end_time": "06:00",
            "start_date": "2026-01-01",
            "end_date": "2027-01-01",
            "min_kwh": 2.5,
            "max_power": 50,
            "min_duration": 600,
        },
    },
)
FULL["min_price"] = {"before_taxes": 1.0}
FULL["max_price"] = {"before_taxes": 80.0, "taxes": [{"name": "VAT", "amount": 15.2}]}


def read(language):
    with translation.override(language):
        return price_text(parse_tariff(FULL))


def test_a_tariff_in_english_says_its_prices_with_the_pages_amounts():
    text = read("en")
    assert text.own == ()
    assert [row.name for row in text.rows] == [
        "Start fee",
        "Energy",
        "Charging time",
        "Parking after charging",
    ]
    assert text.rows[1].prices[1] == "otherwise €0.595 per kWh, billed per 1 kWh"
    assert any(note.startswith("At least €") for note in text.notes)


def test_a_tariff_in_german_has_german_words_and_amounts():
    text = read("de")
    assert text.rows[0].name == "Startgebühr"
    assert text.rows[1].prices[1] == (
        "sonst 0,595\N{NO-BREAK SPACE}€ pro kWh, abgerechnet je 1 kWh"
    )


def test_a_tariff_in_chinese_has_no_word_of_another_language():
    text = read("zh-hans")
    shown = [row.name for row in text.rows] + list(text.notes)
    for row in text.rows:
        shown += row.prices
    assert set(re.findall(r"[A-Za-z]{2,}", " ".join(shown))) <= {"kWh", "kW", "min"}


def test_german_amounts_have_a_comma_and_the_symbol_behind():
    with translation.override("de"):
        assert figures.money_text(123_456, "EUR") == "1.234,56\N{NO-BREAK SPACE}€"
        assert figures.money_text(500, "JPY") == "500\N{NO-BREAK SPACE}JPY"
    with translation.override("en"):
        assert figures.money_text(5, "CHF") == "CHF\N{NO-BREAK SPACE}0.05"


def test_what_the_operator_says_stays_as_it_is_in_its_language():
    told = FULL | {
        "tariff_alt_text": [
            {"language": "de", "text": "Freitags Kaffee gratis."},
            {"language": "zh", "text": "周五免费咖啡。"},
        ]
    }
    found = {}
    for language in ("de", "zh-hans", "en"):
        with translation.override(language):
            found[language] = price_text(parse_tariff(told)).own
    assert found == {
        "de": ("Freitags Kaffee gratis.",),
        "zh-hans": ("周五免费咖啡。",),
        "en": (),
    }


def test_where_no_tariff_applies_there_is_nothing_to_read():
    assert price_text(None) == PriceText()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40, "40 s"), (720, "12 min"), (3900, "1 h 05 min"), (-5, "0 s")],
)
def test_lengths_are_told_in_the_units_that_matter(seconds, text):
    with translation.override("en"):
        assert figures.length_text(timedelta(seconds=seconds)) == text


def test_a_plot_steps_from_value_to_value_within_its_frame():
    points = [(T0 + timedelta(minutes=n), Decimal(20 - n)) for n in range(15)]
    svg = power_svg(points, time_zone="Europe/Berlin", label="<Power>")
    assert "&lt;Power&gt;" in svg
    assert "09:00" in svg
    assert "09:14" in svg
    corners = re.search(r'polyline class="plot-line" points="([^"]+)"', svg)[1].split()
    assert len(corners) == 2 * len(points) - 1
    for corner in corners:
        x, y = map(float, corner.split(","))
        assert 0 <= x <= 360
        assert 0 <= y <= 170


@pytest.mark.parametrize("points", [[], [(T0, Decimal(1))], [(T0, Decimal(1))] * 2])
def test_nothing_is_drawn_of_a_moment(points):
    assert power_svg(points, time_zone="UTC", label="") == ""


def test_a_plot_holds_the_greatest_power():
    points = [(T0, Decimal(0)), (T0 + timedelta(seconds=50), Decimal(1200))]
    svg = power_svg(points, time_zone="UTC", label="")
    assert "1,201" in svg
    assert "08:00:50" in svg


def test_every_refusal_has_words_and_unknown_ones_the_general():
    assert problem_of("something_new") is GENERAL
    assert all(problem.title and problem.advice for problem in BY_CODE.values())
