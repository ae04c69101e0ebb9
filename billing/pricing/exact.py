"""Exact numbers: integers wherever they suffice, fractions where time cuts energy.

Decimal arithmetic rounds to the precision of a context that any caller may change,
so the engine computes in integers of small units (µWh, µs) and turns them into
``Decimal`` only at its edge.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Final

Exact = int | Fraction

FINE_DIGITS: Final = 12
"""Decimals of an amount or volume that has no end, such as a third of an hour."""

PLAIN_DIGITS: Final = 4
"""Decimals that nearly every amount needs; more are shown only where they are."""

_FINE: Final = 10**FINE_DIGITS
_TRIM: Final = 10 ** (FINE_DIGITS - PLAIN_DIGITS)
_CONTEXT: Final = Context(prec=100)


def exact_of(value: int | Decimal, digits: int) -> Exact:
    """``value`` times 10 to the power of ``digits``, exactly."""
    if isinstance(value, int):
        whole: int = value * 10**digits
        return whole
    numerator, denominator = value.as_integer_ratio()
    return quotient(numerator * 10**digits, denominator)


def quotient(numerator: Exact, denominator: int) -> Exact:
    """The exact quotient: an int when it is whole."""
    # Not isinstance: for Fraction that is an ABC's slow check, and this is hot.
    if type(numerator) is int:
        whole, rest = divmod(numerator, denominator)
        if not rest:
            return whole
    return Fraction(numerator, denominator)


def half_up(numerator: Exact, denominator: int) -> int:
    """The quotient, which is not negative, rounded half up to a whole number."""
    if type(numerator) is not int:
        denominator *= numerator.denominator
        numerator = numerator.numerator
    return (2 * numerator + denominator) // (2 * denominator)


def fine(numerator: Exact, denominator: int) -> int:
    """The quotient in units of 10^-12, half up."""
    return half_up(numerator * _FINE, denominator)


def decimal_of(fine_units: int) -> Decimal:
    """Units of 10^-12 as a decimal with 4 digits, or 12 where it needs more."""
    plain, rest = divmod(fine_units, _TRIM)
    if rest:
        return _CONTEXT.scaleb(Decimal(fine_units), -FINE_DIGITS)
    return _CONTEXT.scaleb(Decimal(plain), -PLAIN_DIGITS)


def shift(value: Decimal, digits: int) -> Decimal:
    """The decimal times a power of ten, with all its digits."""
    return _CONTEXT.scaleb(value, digits)


def sum_of(values: Iterable[Decimal]) -> Decimal:
    """The exact sum, whatever the caller's decimal context is."""
    total = Decimal(0)
    for value in values:
        total = _CONTEXT.add(total, value)
    return total


def rounded(value: Decimal, digits: int) -> Decimal:
    """Half up (away from zero) to a number of decimals."""
    return value.quantize(
        Decimal((0, (1,), -digits)), rounding=ROUND_HALF_UP, context=_CONTEXT
    )
