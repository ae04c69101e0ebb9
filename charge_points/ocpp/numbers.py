"""Exact numbers out of what charging stations write."""

import re
from decimal import Decimal
from typing import Final

from charge_points.ocpp import quirk_names as quirk

# A meter register needs 15 digits; more is noise, and costs time to calculate with.
NUMBER_LIMIT_CHARS: Final = 40
MAGNITUDE_LIMIT: Final = 18

# What nearly every value looks like; within all limits by its length alone.
_PLAIN: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_NUMBER: Final = re.compile(
    r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII
)


def read_decimal(value: object) -> tuple[Decimal | None, str | None]:
    """Read a number tolerantly and exactly.

    A float is read by its shortest decimal form, which is what the station wrote.

    Args:
        value: A text, int, float or Decimal; anything else is no number.

    Returns:
        The number (None when there is none) and the name of the quirk or None.
    """
    if type(value) is str:
        if _PLAIN.fullmatch(value):
            return Decimal(value), None
        return _read_text(value)
    if type(value) is float:
        text = repr(value)
        if _PLAIN.fullmatch(text):
            return Decimal(text), None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None, quirk.UNREADABLE_NUMBER
    return _bounded(value if isinstance(value, Decimal) else Decimal(repr(value)), None)


def _read_text(text: str) -> tuple[Decimal | None, str | None]:
    found = None
    if len(text) > NUMBER_LIMIT_CHARS:
        return None, quirk.UNREADABLE_NUMBER
    if not _NUMBER.fullmatch(text):
        stripped = text.strip()
        found = quirk.PADDED_VALUE
        # "1.234,5" and "1,234,5" stay unreadable: which one divides thousands?
        if "," in stripped and "." not in stripped and stripped.count(",") == 1:
            stripped = stripped.replace(",", ".")
            found = quirk.DECIMAL_COMMA
        if not _NUMBER.fullmatch(stripped):
            return None, quirk.UNREADABLE_NUMBER
        text = stripped
    return _bounded(Decimal(text), found)


def _bounded(number: Decimal, found: str | None) -> tuple[Decimal | None, str | None]:
    if not number.is_finite() or abs(number.adjusted()) > MAGNITUDE_LIMIT:
        return (number, found) if number == 0 else (None, quirk.UNREADABLE_NUMBER)
    return number, found
