from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp.numbers import read_decimal


@pytest.mark.parametrize(
    ("value", "number", "quirk"),
    [
        ("12.5", "12.5", None),
        ("-0.083", "-0.083", None),
        ("+1", "1", None),
        (".5", "0.5", None),
        ("1.", "1", None),
        ("1e3", "1000", None),
        (8.1, "8.1", None),
        (7, "7", None),
        (Decimal("8.10"), "8.10", None),
        (" 12.5", "12.5", "padded_value"),
        ("12.5\n", "12.5", "padded_value"),
        ("12,5", "12.5", "decimal_comma"),
        (" 12,5 ", "12.5", "decimal_comma"),
        ("0e99", "0", None),
        ("0", "0", None),
    ],
)
def test_numbers_as_they_are_seen(value, number, quirk):
    read, found = read_decimal(value)
    assert (read, found) == (Decimal(number), quirk)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1.234,5",
        "1,234,5",
        "abc",
        "0x1F",
        "NaN",
        "Infinity",
        "1e500",
        "1e-500",
        "9" * 41,
        "--1",
        "1 2",
        "١٢",
        True,
        None,
        [],
        {},
        float("inf"),
        float("nan"),
        10**30,
    ],
)
def test_what_is_no_number_is_not_guessed(value):
    assert read_decimal(value) == (None, "unreadable_number")


@given(st.floats(-1e15, 1e15).filter(lambda number: number == 0 or abs(number) > 1e-15))
@settings(deadline=None)
def test_a_float_is_read_as_the_text_it_came_from(number):
    read, _ = read_decimal(number)
    assert float(read) == number
    assert read == Decimal(repr(number))


@given(st.text())
@settings(deadline=None)
def test_no_text_raises(text):
    number, quirk = read_decimal(text)
    assert number is not None or quirk == "unreadable_number"
