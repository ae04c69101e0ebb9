"""The amounts of a receipt's lines as people read them: in whole minor units."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cpms.kernel.money import from_minor, minor_digits


def line_amount(line: dict[str, Any], currency: str) -> Decimal:
    """A line's amount with taxes, in the currency, rounded for reading."""
    digits = Decimal(1).scaleb(-minor_digits(currency))
    return Decimal(line["after_taxes"]).quantize(digits, ROUND_HALF_UP)


def rounding_of(body: dict[str, Any]) -> Decimal:
    """What the lines as they are read lack to the amount that is paid.

    Only the sum is rounded when a price is made, so that 1.588 and 0.595 are 2.18 in
    all; who adds 1.59 and 0.60 gets a cent more, and is told of it in a line.

    Returns:
        Zero where that is not the reason for a difference.
    """
    currency, lines = body["currency"], body["lines"]
    total = from_minor(body["amount_minor"], currency)
    lacking = total - sum(line_amount(line, currency) for line in lines)
    most = from_minor(1, currency) * len(lines)
    return lacking if abs(lacking) <= most else Decimal(0)
