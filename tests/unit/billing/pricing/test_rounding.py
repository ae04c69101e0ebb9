"""From exact amounts to money."""

import pytest
from hypothesis import given, strategies as st

from billing.pricing import ROUNDING_POLICY, UnableToRound, rate
from billing.pricing.rounding import Amounts, largest_remainder, share_amounts
from tests.unit.billing.pricing.making import component, element, session, tariff


def _money(priced):
    return [
        (str(t.rate), t.before_minor, t.taxes_minor, t.after_minor)
        for t in priced.tax_totals
    ]


def test_the_name_of_the_policy_is_a_promise():
    assert ROUNDING_POLICY == "half-up-per-tax-rate-1"


def test_an_unknown_policy_is_refused():
    rules = tariff(element(component("ENERGY", 1)))
    with pytest.raises(UnableToRound, match=ROUNDING_POLICY):
        rate(rules, session(("charging", 1, 1)), policy="down-1")


def test_money_is_rounded_once_per_tax_rate():
    rules = tariff(
        element(
            component("FLAT", "2.50", vat=15),
            component("TIME", 1, vat=20, step=900),
            component("PARKING_TIME", 5, vat=10, step=300),
        )
    )
    priced = rate(rules, session(("charging", 165, 20), ("parking", 42)))
    assert f"{priced.after_taxes:.2f}" == "10.30"
    assert _money(priced) == [
        ("15", 250, 38, 288),
        ("20", 275, 55, 330),
        ("10", 375, 38, 413),
    ]
    assert priced.total_minor == 1031


def test_components_of_one_tax_rate_are_rounded_together():
    rules = tariff(
        element(component("FLAT", "0.125", vat=0), component("ENERGY", "0.125", vat=0))
    )
    assert rate(rules, session(("charging", 60, 1))).total_minor == 25


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [
        ("EUR", "1.005", 101),
        ("EUR", "1.0049999", 100),
        ("JPY", "12.5", 13),
        ("JPY", "12.4999", 12),
        ("KWD", "1.2345", 1235),
        ("ISK", "99.5", 100),
    ],
)
def test_half_a_minor_unit_rounds_up(currency, price, minor):
    rules = tariff(element(component("FLAT", price)), currency=currency)
    assert rate(rules, session(("charging", 1, 1))).total_minor == minor


def test_a_greatest_price_is_shared_over_the_tax_rates():
    rules = tariff(
        element(
            component("FLAT", "0.50", vat=20),
            component("ENERGY", "0.25", vat=10),
        ),
        max_price={"before_taxes": 10, "after_taxes": 11},
    )
    priced = rate(rules, session(("charging", 300, 50)))
    assert priced.total_minor == 1100
    assert priced.before_minor == 1000
    assert [line.dimension for line in priced.lines] == ["FLAT", "ENERGY", "MAX_PRICE"]
    assert str(priced.lines[-1].before_taxes) == "-3.0000"
    assert str(priced.lines[-1].after_taxes) == "-3.3500"
    assert _money(priced) == [("20", 39, 7, 46), ("10", 961, 93, 1054)]


def test_rounding_per_tax_rate_does_not_pass_the_greatest_price():
    rules = tariff(
        element(
            component("FLAT", "2.875", vat=0),
            component("ENERGY", "7.125", vat=1),
        ),
        max_price={"before_taxes": "10.05", "after_taxes": "10.07125"},
    )
    priced = rate(rules, session(("charging", 60, 1)))
    assert f"{priced.after_taxes:.5f}" == "10.07125"
    assert [line.dimension for line in priced.lines] == ["FLAT", "ENERGY"]
    # 2.88 + 7.20 would be 10.08.
    assert priced.total_minor == 1007


def test_a_least_price_of_nothing_has_the_first_tax_rate():
    rules = tariff(
        element(component("ENERGY", "0.25", vat=10)),
        min_price={"before_taxes": 1, "after_taxes": "1.10"},
    )
    assert _money(rate(rules, session(("charging", 5)))) == [("10", 100, 10, 110)]


def test_more_tax_than_the_rates_carry_is_shared_as_the_amounts():
    amounts = (Amounts(50, 60), Amounts(40, 40))
    assert share_amounts(amounts, 1, 100) == (
        Amounts(pytest.approx(0.6), 60),
        Amounts(pytest.approx(0.4), 40),
    )


def test_a_limit_of_zero_leaves_zero():
    amounts = (Amounts(50, 60), Amounts(40, 40))
    assert share_amounts(amounts, 0, 0) == (Amounts(0, 0), Amounts(0, 0))


def test_a_limit_of_nothing_that_was_untaxed_has_no_tax():
    assert share_amounts((Amounts(5, 5),), 0, 0) == (Amounts(0, 0),)


def test_a_least_price_of_nothing_is_the_first_rates_alone():
    amounts = (Amounts(0, 0), Amounts(0, 0), Amounts(0, 0))
    assert share_amounts(amounts, 5, 6) == (
        Amounts(5, 6),
        Amounts(0, 0),
        Amounts(0, 0),
    )


def test_a_rate_of_nothing_does_not_spread_the_taxes():
    amounts = (Amounts(0, 0), Amounts(100, 120), Amounts(100, 100))
    assert share_amounts(amounts, 150, 165) == (
        Amounts(0, 0),
        Amounts(75, 90),
        Amounts(75, 75),
    )


@given(st.lists(st.fractions(0, 100, max_denominator=50), min_size=1, max_size=6))
def test_shares_are_whole_near_and_add_up(shares):
    total = sum(shares)
    whole = int(total + 1 / 2)
    found = largest_remainder(whole, shares)
    assert sum(found) == whole
    assert all(abs(a - b) <= 1 for a, b in zip(found, shares, strict=True))


def test_equal_remainders_go_to_the_first():
    from fractions import Fraction  # noqa: PLC0415

    assert largest_remainder(2, [Fraction(1, 2)] * 4) == [1, 1, 0, 0]
