"""Least and greatest price, line by line, and where their rounding begins."""

from decimal import Decimal

import pytest

from billing.pricing import rate
from tests.unit.billing.pricing.making import (
    component,
    element,
    session,
    tariff,
    totals,
)

HOUR = session(("charging", 60, 1))
"""A charge of 1 kWh."""

TWO_RATES = element(component("ENERGY", "0.005"), component("FLAT", "0.005", vat=0))
"""Half a cent without a rate and half a cent at 0 %: rounded each, two cents."""


def test_what_a_limit_makes_is_a_line_of_its_own():
    rules = tariff(element(component("ENERGY", 1)), min_price={"before_taxes": 5})
    _, line = rate(rules, HOUR).lines
    assert (line.dimension, line.element, line.reservation) == (
        "MIN_PRICE",
        None,
        False,
    )
    assert (line.tax_rate, line.step_size) == (None, 0)
    assert line.component_price == line.unit_price == 0
    assert line.volume == line.billed_volume == 0
    assert line.before_taxes == line.after_taxes == 4


def test_a_least_price_counts_where_the_greatest_is_not_reached():
    rules = tariff(
        element(component("ENERGY", 1)),
        min_price={"before_taxes": 5},
        max_price={"before_taxes": 10},
    )
    priced = rate(rules, HOUR)
    assert totals(priced) == ("5", "5")
    assert priced.total_minor == 500


def test_a_least_price_may_hold_before_taxes_alone():
    rules = tariff(
        element(component("ENERGY", "4.60", vat=10)),
        min_price={"before_taxes": 5, "after_taxes": "5.06"},
    )
    assert totals(rate(rules, HOUR)) == ("5", "5.06")


@pytest.mark.parametrize(
    ("limit", "minor"),
    [
        ({"before_taxes": 10}, 2),
        ({"before_taxes": "0.02", "after_taxes": "0.02"}, 2),
        ({"before_taxes": "0.02"}, 2),
        ({"before_taxes": "0.01"}, 1),
        ({"before_taxes": "0.01", "after_taxes": "0.02"}, 1),
        ({"before_taxes": "0.01", "after_taxes": "0.01"}, 1),
    ],
)
def test_rounding_is_bounded_only_where_it_would_pass_the_greatest_price(limit, minor):
    rules = tariff(TWO_RATES, max_price=limit)
    assert rate(rules, HOUR).total_minor == minor


@pytest.mark.parametrize(
    ("included", "price", "before", "after"),
    [
        # Included taxes: the price is exact, and half of it is tax, rounded up.
        ("YES", "0.000000000001", "0", "1E-12"),
        # Without: what is exact is the amount before taxes, rounded up, and so the tax.
        ("NO", "0.0000000000005", "1E-12", "2E-12"),
    ],
)
def test_the_stated_side_of_a_price_is_the_exact_one(included, price, before, after):
    rules = tariff(element(component("ENERGY", price, vat=100)), tax_included=included)
    priced = rate(rules, HOUR)
    assert priced.before_taxes == Decimal(before)
    assert priced.after_taxes == Decimal(after)


def test_a_volume_without_an_end_is_shown_with_twelve_decimals():
    """1 Wh in 7 minutes; from the fourth minute on another element has it."""
    rules = tariff(
        element(component("ENERGY", 1, step=0), max_duration=180),
        element(component("ENERGY", 2, step=0)),
    )
    first, second = rate(rules, session(("charging", 7, "0.001"))).lines
    assert first.volume == first.billed_volume == Decimal("0.000428571429")
    assert second.volume == second.billed_volume == Decimal("0.000571428571")


def test_what_is_free_has_no_tax_rate():
    rules = tariff(element(component("ENERGY", 1, vat=19)))
    priced = rate(rules, session(("parking", 9)))
    assert priced.lines == priced.tax_totals == ()
    assert priced.total_minor == 0
