"""What the repairs know of the field, as data."""

import json
from functools import cache
from importlib import resources
from typing import Any, Final

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.schemas import MESSAGE_SETS

# A unit in other words, by its letters without case and blanks.
UNIT_ALIASES: Final = {
    "hz": "Hertz",
    "hertz": "Hertz",
    "%": "Percent",
    "pct": "Percent",
    "c": "Celsius",
    "°c": "Celsius",
    "degc": "Celsius",
    "f": "Fahrenheit",
    "°f": "Fahrenheit",
    "kelvin": "K",
    "amp": "A",
    "amps": "A",
    "ampere": "A",
    "volt": "V",
    "volts": "V",
    "watt": "W",
    "watts": "W",
}

# Unknown values of an enumeration that have a listed value for "something else".
# (action, field) -> (value, quirk)
ENUM_FALLBACKS: Final = {
    ("StatusNotification", "errorCode"): ("OtherError", quirk.UNKNOWN_ERROR_CODE),
    ("StopTransaction", "reason"): ("Other", quirk.UNKNOWN_ENUM_VALUE),
    ("TransactionEvent", "stoppedReason"): ("Other", quirk.UNKNOWN_ENUM_VALUE),
    ("TransactionEvent", "triggerReason"): (
        "AbnormalCondition",
        quirk.UNKNOWN_ENUM_VALUE,
    ),
    ("BootNotification", "reason"): ("Unknown", quirk.UNKNOWN_ENUM_VALUE),
}

# Required fields that are seen null or missing; refusing these messages would lose a
# station or a charge. (action, field) -> (value, quirk); "" stands for any action.
REQUIRED_DEFAULTS: Final[dict[tuple[str, str], tuple[Any, str]]] = {
    ("", "timestamp"): ("", quirk.TIME_MISSING),
    ("", "signingMethod"): ("", quirk.SIGNED_FIELD_MISSING),
    ("", "encodingMethod"): ("", quirk.SIGNED_FIELD_MISSING),
    ("", "publicKey"): ("", quirk.SIGNED_FIELD_MISSING),
    ("BootNotification", "chargePointVendor"): ("", quirk.EMPTY_VENDOR_OR_MODEL),
    ("BootNotification", "chargePointModel"): ("", quirk.EMPTY_VENDOR_OR_MODEL),
    ("BootNotification", "vendorName"): ("", quirk.EMPTY_VENDOR_OR_MODEL),
    ("BootNotification", "model"): ("", quirk.EMPTY_VENDOR_OR_MODEL),
    ("BootNotification", "reason"): ("Unknown", quirk.UNKNOWN_ENUM_VALUE),
    ("StatusNotification", "errorCode"): ("NoError", quirk.ERROR_CODE_MISSING),
    ("StartTransaction", "idTag"): ("", quirk.ID_TAG_MISSING),
    ("StopTransaction", "transactionId"): (-1, quirk.TRANSACTION_ID_NULL),
    ("StopTransaction", "meterStop"): (-1, quirk.METER_STOP_MISSING),
    ("MeterValues", "meterValue"): ([], quirk.EMPTY_FIELD),
}

# Enumerations of a sampled value: an unknown one makes the sample mean something
# that we do not know, so the sample goes.
SAMPLE_ENUM_QUIRKS: Final = {
    "context": quirk.UNKNOWN_CONTEXT,
    "measurand": quirk.UNKNOWN_MEASURAND,
    "unit": quirk.UNKNOWN_UNIT,
    "phase": quirk.UNKNOWN_SAMPLE_FIELD,
    "location": quirk.UNKNOWN_SAMPLE_FIELD,
    "format": quirk.UNKNOWN_SAMPLE_FIELD,
}

# The array of a message whose entries can go one by one without losing the message.
METER_VALUE_ARRAYS: Final = frozenset({"meterValue", "transactionData"})
SAMPLE_ARRAY: Final = "sampledValue"

# The same deed under another name in another version.
_RELATED_ACTIONS: Final = {
    "StartTransaction": ("TransactionEvent",),
    "StopTransaction": ("TransactionEvent",),
    "TransactionEvent": ("StartTransaction", "StopTransaction", "MeterValues"),
    "DiagnosticsStatusNotification": ("LogStatusNotification",),
    "SignedFirmwareStatusNotification": ("FirmwareStatusNotification",),
    "RemoteStartTransaction": ("RequestStartTransaction",),
    "RemoteStopTransaction": ("RequestStopTransaction",),
    "RequestStartTransaction": ("RemoteStartTransaction",),
    "RequestStopTransaction": ("RemoteStopTransaction",),
}
_PACKAGES: Final = ("v16", "v201", "v21")


@cache
def foreign_fields(version: str, action: str) -> frozenset[str]:
    """Return the field names that `action` has in other versions of OCPP.

    They are read from the schemas of the other versions in the `ocpp` package, 2.1
    included, under the action's name there.
    """
    own = MESSAGE_SETS[version].schema_package
    names = {"customData"}
    for package in _PACKAGES:
        if package == own:
            continue
        for name in (action, *_RELATED_ACTIONS.get(action, ())):
            for suffix in ("", "Request", "Response"):
                names |= _field_names(package, f"{name}{suffix}")
    return frozenset(names)


@cache
def _field_names(package: str, schema_name: str) -> frozenset[str]:
    file = resources.files("ocpp").joinpath(package, "schemas", f"{schema_name}.json")
    if not file.is_file():
        return frozenset()
    names: set[str] = set()
    _collect(json.loads(file.read_text("utf-8-sig")), names)
    return frozenset(names)


def _collect(node: object, names: set[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, names)
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            names.update(properties)
        for child in node.values():
            _collect(child, names)
