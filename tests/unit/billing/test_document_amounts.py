"""Lines of receipts as people read them, and why they may lack a cent."""

from decimal import Decimal

import pytest

from billing.services.documents.amounts import line_amount, rounding_of


def body(total_minor, *amounts, currency="EUR"):
    lines = [{"after_taxes": amount} for amount in amounts]
    return {"currency": currency, "amount_minor": total_minor, "lines": lines}


@pytest.mark.parametrize(
    ("told", "lacking"),
    [
        (body(218, "1.58836440", "0.595"), "-0.01"),
        (body(219, "1.594", "0.594"), "0.01"),
        (body(218, "1.58", "0.60"), "0"),
        (body(3, "1.4", "1.4", currency="JPY"), "1"),
        (body(0), "0"),
        # More than rounding: a correction or a least price has a line of its own.
        (body(500, "1.58", "0.60"), "0"),
    ],
)
def test_what_rounding_takes_is_told(told, lacking):
    assert rounding_of(told) == Decimal(lacking)


def test_lines_and_rounding_add_up():
    told = body(218, "1.58836440", "0.595")
    lines = sum(line_amount(line, "EUR") for line in told["lines"])

    assert lines + rounding_of(told) == Decimal("2.18")
