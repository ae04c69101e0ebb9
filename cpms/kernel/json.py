"""Canonical JSON: one text for one value, so that it can be hashed and compared."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def canonical(value: object) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; decimals as exact strings.

    Raises:
        TypeError: the value holds something other than JSON, Decimal or datetime.
        ValueError: it holds NaN or an infinity.
    """
    text = json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    )
    return text.encode()


def content_hash(value: object) -> str:
    """SHA-256 of the canonical form, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
