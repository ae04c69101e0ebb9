"""One JSON type read as another, where the meaning stays the same."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

import orjson

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.numbers import read_decimal

# (the value to take, the quirks to count); None when there is no such reading.
Converted: TypeAlias = tuple[Any, tuple[str, ...]] | None

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}

# The only text field into which stations put whole objects (1.6 DataTransfer).
_JSON_TEXT_FIELD: Final = "data"


def convert(value: object, wanted: str, field: str | int) -> Converted:
    """Read `value` as the JSON type `wanted`.

    Args:
        value: Parsed JSON that is not of that type.
        wanted: A type of JSON schema: ``string``, ``integer`` and so on.
        field: The name under which the value stands.
    """
    converter = _CONVERTERS.get(wanted)
    return None if converter is None else converter(value, field)


def _to_text(value: object, field: str | int) -> Converted:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value), (quirk.NUMBER_AS_STRING,)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f"), (quirk.NUMBER_AS_STRING,)
    if isinstance(value, dict | list) and field == _JSON_TEXT_FIELD:
        return orjson.dumps(value).decode(), (quirk.OBJECT_FOR_STRING,)
    return None


def _read(value: object) -> tuple[Decimal, tuple[str, ...]] | None:
    number, found = read_decimal(value)
    if number is None:
        return None
    quirks = (quirk.STRING_AS_NUMBER,) if isinstance(value, str) else ()
    return number, quirks if found is None else (*quirks, found)


def _to_integer(value: object, _field: str | int) -> Converted:
    read = _read(value)
    if read is None:
        return None
    number, quirks = read
    if not isinstance(value, str) or number != int(number):
        quirks = (*quirks, quirk.FRACTION_IN_INTEGER)
    return int(number), quirks


def _to_number(value: object, _field: str | int) -> Converted:
    read = _read(value)
    if read is None:
        return None
    number, quirks = read
    return int(number) if number == int(number) else float(number), quirks


def _to_boolean(value: object, _field: str | int) -> Converted:
    found = _BOOLEANS.get(str(value).strip().lower())
    return None if found is None else (found, (quirk.BOOLEAN_AS_OTHER,))


def _to_array(value: object, _field: str | int) -> Converted:
    if isinstance(value, dict) and value:
        return [value], (quirk.OBJECT_FOR_ARRAY,)
    return None


_CONVERTERS: Final[dict[str, Callable[[object, str | int], Converted]]] = {
    "string": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "array": _to_array,
}
