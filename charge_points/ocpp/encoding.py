"""Our own JSON: compact, UTF-8, fields in schema order, exact decimals, never null."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Final

import orjson

from charge_points.ocpp.json_types import Json
from charge_points.ocpp.schemas import FieldOrder
from charge_points.ocpp.timestamps import format_utc

# The deepest message of both versions has nine levels; customData may bring its own.
DEPTH_LIMIT: Final = 32
_DECIMAL_DIGITS_LIMIT: Final = 40
_NO_ORDER: Final[FieldOrder] = {}


class UnableToEncode(ValueError):
    """A value of ours has no place in an OCPP message; the message says which."""


def dump(value: object) -> bytes:
    """Write `value` (already arranged) as compact JSON.

    Decimals become JSON numbers digit by digit; datetimes become ``…Z``.

    Raises:
        UnableToEncode: something in `value` is no JSON.
    """
    try:
        return orjson.dumps(
            value, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME
        )
    except TypeError as error:
        # orjson wraps what _default raises; the cause names the value.
        raise UnableToEncode(str(error.__cause__ or error)) from error


def arrange(value: Json, order: FieldOrder = _NO_ORDER, depth: int = 0) -> Json:
    """Drop every None in `value` and put its fields into schema order.

    Fields that the schema does not know follow in the order given.

    Raises:
        UnableToEncode: nested deeper than ``DEPTH_LIMIT``, or a float is not finite
            (which JSON writers turn into null).
    """
    if isinstance(value, Mapping):
        _require_shallow(depth)
        names = [name for name in order if name in value]
        names += [name for name in value if name not in order]
        return {
            name: arrange(value[name], order.get(name, _NO_ORDER), depth + 1)
            for name in names
            if value[name] is not None
        }
    if isinstance(value, list | tuple):
        _require_shallow(depth)
        return [arrange(item, order, depth + 1) for item in value if item is not None]
    if isinstance(value, float) and not isfinite(value):
        raise UnableToEncode("a number that is not finite has no place in JSON")
    return value


def _require_shallow(depth: int) -> None:
    if depth >= DEPTH_LIMIT:
        raise UnableToEncode(f"nested deeper than {DEPTH_LIMIT} levels")


def _default(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(_number_text(value))
    if isinstance(value, datetime):
        return format_utc(value)
    raise TypeError(f"a {type(value).__name__} has no place in an OCPP message")


def _number_text(number: Decimal) -> str:
    """Write `number` without exponent; ``8.10`` keeps its digits as given."""
    if not number.is_finite():
        raise TypeError("a number that is not finite has no place in JSON")
    digits = max(abs(number.adjusted()), len(number.as_tuple().digits))
    if digits > _DECIMAL_DIGITS_LIMIT:
        raise TypeError(f"a number of over {_DECIMAL_DIGITS_LIMIT} digits is a mistake")
    return format(number, "f")
