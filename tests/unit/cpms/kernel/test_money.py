from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from cpms.kernel.money import format_minor, from_minor, minor_digits, to_minor

currencies = st.sampled_from(["EUR", "JPY", "KWD", "USD"])
amounts_minor = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("JPY", 0), ("ISK", 0), ("BHD", 3)]
)
def test_minor_digits_are_those_of_the_currency(currency, digits):
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("wrong", ["", "eur", "EU", "EURO", "E1R", "€UR", "EÜR", "123"])
def test_what_is_no_code_is_refused(wrong):
    with pytest.raises(ValueError, match="ISO 4217"):
        minor_digits(wrong)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.005", "EUR", 1),
        ("0.0049999", "EUR", 0),
        ("-0.005", "EUR", -1),
        ("1.5", "JPY", 2),
        ("2.5", "JPY", 3),
        ("1.2345", "KWD", 1235),
    ],
)
def test_halves_go_away_from_zero(amount, currency, minor):
    assert to_minor(Decimal(amount), currency) == minor


@given(amounts_minor, currencies)
def test_minor_units_survive_the_way_out_and_back(amount_minor, currency):
    assert to_minor(from_minor(amount_minor, currency), currency) == amount_minor


@given(
    st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6),
    currencies,
)
def test_rounding_moves_an_amount_by_half_a_unit_at_most(amount, currency):
    moved = abs(from_minor(to_minor(amount, currency), currency) - amount)

    assert moved <= from_minor(1, currency) / 2


def test_amounts_are_written_with_the_digits_of_their_currency():
    assert format_minor(1250, "EUR") == "12.50 EUR"
    assert format_minor(-5, "EUR") == "-0.05 EUR"
    assert format_minor(1250, "JPY") == "1250 JPY"
    assert format_minor(1, "KWD") == "0.001 KWD"
