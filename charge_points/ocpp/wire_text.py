"""Cheap looks at a frame's text before and after it is parsed."""

from charge_points.ocpp.encoding import DEPTH_LIMIT
from charge_points.ocpp.json_types import Json

_UTF8_BYTES_LIMIT = 4


def size_bytes(text: str | bytes) -> int:
    """Return the length of `text` in UTF-8."""
    if isinstance(text, bytes) or text.isascii():
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def is_over(text: str | bytes, limit_bytes: int) -> bool:
    """Tell whether `text` is over `limit_bytes`; a short one is not measured."""
    if len(text) <= limit_bytes // _UTF8_BYTES_LIMIT:
        return False
    return size_bytes(text) > limit_bytes


def may_be_deep(text: str | bytes) -> bool:
    """Rule depth out cheaply: a frame of few brackets cannot be deep."""
    if isinstance(text, bytes):
        return text.count(b"[") + text.count(b"{") > DEPTH_LIMIT
    return text.count("[") + text.count("{") > DEPTH_LIMIT


def is_deep(frame: list[Json]) -> bool:
    """Measure level by level, so that no depth exhausts the stack."""
    level: list[Json] = [frame]
    for _ in range(DEPTH_LIMIT):
        below: list[Json] = []
        for value in level:
            children = value.values() if isinstance(value, dict) else value
            below += [child for child in children if isinstance(child, dict | list)]
        if not below:
            return False
        level = below
    return True


def count_values(root: Json, limit: int) -> int:
    """Count the values in `root`, itself included; stops soon after `limit`."""
    count, pending = 1, [root]
    while pending and count <= limit:
        value = pending.pop()
        children = value.values() if isinstance(value, dict) else value
        count += len(value)
        pending += [child for child in children if isinstance(child, dict | list)]
    return count


def has_nul(text: str | bytes) -> bool:
    """Tell whether a parsed text may hold U+0000."""
    # No PostgreSQL text or jsonb can hold U+0000.
    if isinstance(text, bytes):
        return b"\\u0000" in text
    return "\\u0000" in text


def without_nul(value: Json) -> Json:
    """Take every U+0000 out of parsed JSON."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(item) for key, item in value.items()}
    return value
