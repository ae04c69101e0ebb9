"""Amounts: integer minor units with an ISO 4217 currency, never float.

Currency codes and their digits: ISO 4217 list one (2024 edition), only the
exceptions from two digits are named.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_DIGITS: Final = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def minor_digits(currency: str) -> int:
    """Decimals of a currency: 0, 2 or 3.

    Raises:
        ValueError: the code is not three upper-case letters.
    """
    if len(currency) != 3 or not (
        currency.isascii() and currency.isalpha() and currency.isupper()
    ):
        raise ValueError(
            f"{currency!r} is not an ISO 4217 code: three upper-case letters."
        )
    return _DIGITS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Round a decimal amount half up to minor units."""
    scaled = amount.scaleb(minor_digits(currency))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """The exact decimal amount of minor units, with the currency's digits."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))


def format_minor(amount_minor: int, currency: str) -> str:
    """For people and logs: ``12.50 EUR``."""
    return f"{from_minor(amount_minor, currency):f} {currency}"
