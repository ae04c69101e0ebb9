"""What arrives, checked: validated strictly, else repaired where a quirk is known."""

from dataclasses import dataclass
from typing import Any, Final

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.frames import Call
from charge_points.ocpp.json_types import Payload
from charge_points.ocpp.quirks import tolerate, tolerate_result
from charge_points.ocpp.schemas import (
    Violation,
    call_schema,
    check_incoming_action,
    find_violation,
    result_schema,
    unknown_action,
)

_BOOT: Final = "BootNotification"
_REQUIRED_BOOT_TEXTS: Final = frozenset(
    {"chargePointVendor", "chargePointModel", "vendorName", "model"}
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A payload that can be handled.

    Attributes:
        payload: As sent when it was valid, else a repaired copy. Texts over their
            limit are kept whole in it.
        quirks: Names of what was tolerated, each once, the frame's own included.
    """

    payload: Payload
    quirks: tuple[str, ...]


def check_call(version: str, call: Call) -> Checked | Violation:
    """Check a CALL of a charging station: may it be called, is its payload usable.

    A valid payload costs one look-up and one compiled validation.

    Returns:
        ``Checked``, or the ``Violation`` to answer by a CALLERROR.
    """
    refused = check_incoming_action(version, call.action)
    if refused is not None:
        return refused
    schema = call_schema(version, call.action)
    payload, quirks = call.payload, call.quirks
    if not schema.accepts(payload):
        violation = find_violation(version, schema, payload)
        repaired = tolerate(version, call.action, payload, violation)
        if repaired is None:
            return violation
        payload, found = repaired
        quirks = _each_once(*quirks, *found)
    if call.action == _BOOT:
        payload, found = _notice_empty_texts(payload)
        quirks = _each_once(*quirks, *found)
    return Checked(payload, quirks)


def check_result(
    version: str, action: str, payload: Payload, quirks: tuple[str, ...] = ()
) -> Checked | Violation:
    """Check the payload of a CALLRESULT to `action`; never answered, only judged."""
    try:
        schema = result_schema(version, action)
    except KeyError:
        return unknown_action(version, action)
    if schema.accepts(payload):
        return Checked(payload, quirks)
    violation = find_violation(version, schema, payload)
    repaired = tolerate_result(version, action, payload, violation)
    if repaired is None:
        return violation
    mended, found = repaired
    return Checked(mended, _each_once(*quirks, *found))


def _each_once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _notice_empty_texts(payload: Payload) -> tuple[Payload, list[str]]:
    """Count empty texts in a BootNotification, which the schemas allow.

    Optional ones are dropped; an empty vendor or model stays, since it is required.
    """
    kept: dict[str, Any] = {}
    found = []
    for key, value in payload.items():
        if value == "" and key not in _REQUIRED_BOOT_TEXTS:
            found.append(quirk.EMPTY_FIELD)
            continue
        if value == "":
            found.append(quirk.EMPTY_VENDOR_OR_MODEL)
        inner: list[str] = []
        kept[key] = value
        if isinstance(value, dict):
            kept[key], inner = _notice_empty_texts(value)
        found += inner
    return (kept, found) if found else (payload, found)
