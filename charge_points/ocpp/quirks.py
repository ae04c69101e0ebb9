"""Tolerance: a payload that strict validation refused, repaired by known quirks.

Runs only after the validator said no, so that right messages pay nothing for it.
"""

from typing import Any

from charge_points.ocpp.quirk_names import NULL_PAYLOAD, QUIRKS, Quirk
from charge_points.ocpp.repairs import repair
from charge_points.ocpp.schemas import (
    Schema,
    Violation,
    call_schema,
    result_schema,
)

__all__ = ["QUIRKS", "Quirk", "tolerate", "tolerate_result"]

Repaired = tuple[dict[str, Any], list[str]]


def tolerate(
    version: str, action: str, payload: object, violation: Violation
) -> Repaired | None:
    """Repair the payload of a CALL.

    Args:
        version: ``"1.6"`` or ``"2.0.1"``.
        action: A known action.
        payload: As sent; left untouched, so that the original can be kept.
        violation: What ``validate_call`` answered.

    Returns:
        The repaired copy and the names of its quirks (keys of ``QUIRKS``), or None
        when the violation stands.
    """
    if violation.keyword == "action":
        return None
    return _tolerate(version, action, call_schema(version, action), payload)


def tolerate_result(
    version: str, action: str, payload: object, violation: Violation
) -> Repaired | None:
    """Repair the payload of a CALLRESULT to `action`; see ``tolerate``."""
    if violation.keyword == "action":
        return None
    return _tolerate(version, action, result_schema(version, action), payload)


def _tolerate(
    version: str, action: str, schema: Schema, payload: object
) -> Repaired | None:
    names: tuple[str, ...] = ()
    if payload is None:
        payload, names = {}, (NULL_PAYLOAD,)
    if not isinstance(payload, dict):
        return None
    repaired = repair(version, action, schema, payload)
    if repaired is None:
        return None
    mended, found = repaired
    return mended, [*names, *found]
