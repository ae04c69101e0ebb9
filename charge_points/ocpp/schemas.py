"""Compiled validators for the JSON schemas that the `ocpp` package ships.

The schemas are read from the installed package when a message is first seen, compiled
once and kept. Accepting costs about three microseconds; only a rejected payload pays
for finding out what is wrong. Format checks are off: the tolerant time parser
(``timestamps``) has the last word on times. ``multipleOf`` is exact: 8.1 is a multiple
of 0.1 whether it comes as a float or as a Decimal.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, TypeAlias

import jsonschema_rs

from charge_points.ocpp.errors import Fault, code_for
from charge_points.ocpp.json_types import Json
from charge_points.ocpp.message_set import MessageSet
from charge_points.ocpp.v16.messages import MESSAGES as MESSAGES_V16
from charge_points.ocpp.v201.messages import MESSAGES as MESSAGES_V201
from charge_points.ocpp.versions import V16, V201

MESSAGE_SETS: Final[dict[str, MessageSet]] = {V16: MESSAGES_V16, V201: MESSAGES_V201}

DESCRIPTION_LIMIT_CHARS: Final = 255

_FAULT_BY_KEYWORD: Final = {
    "required": Fault.MISSING,
    "additionalProperties": Fault.MALFORMED,
    "type": Fault.TYPE,
    "minItems": Fault.OCCURRENCE,
    "maxItems": Fault.OCCURRENCE,
    "enum": Fault.VALUE,
    "maxLength": Fault.VALUE,
    "minimum": Fault.VALUE,
    "maximum": Fault.VALUE,
    "multipleOf": Fault.VALUE,
}

_JSON_TYPE_NAMES: Final = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}

FieldOrder: TypeAlias = dict[str, "FieldOrder"]


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a payload or an action is refused.

    Attributes:
        code: The CALLERROR code in the version's spelling.
        path: Where, as ``meterValue/0/timestamp``; empty for the payload itself.
        description: What, without repeating the sent value; at most 255 characters.
        keyword: The JSON schema keyword that refused, or ``action``.
    """

    code: str
    path: str
    description: str
    keyword: str


class Schema:
    """One compiled schema with the document it came from.

    Attributes:
        document: The schema as parsed JSON with every ``$ref`` replaced by its target.
        field_order: The properties in schema order, nested; items of an array stand
            at the array's own name.
    """

    __slots__ = ("_validator", "document", "field_order")

    def __init__(self, package: str, name: str) -> None:
        """Read and compile ``ocpp/<package>/schemas/<name>.json``."""
        folder = resources.files("ocpp").joinpath(package, "schemas")
        # Some of the package's files begin with a byte order mark.
        raw = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8-sig"))
        # Without it an extra field is reported as "false schema", without its name.
        raw.setdefault("properties", {})
        self._validator = jsonschema_rs.validator_for(
            raw, validate_formats=False, offline=True
        )
        self.document: dict[str, Json] = _inline(raw, raw.get("definitions", {}))
        self.field_order = _field_order(self.document)

    def accepts(self, payload: object) -> bool:
        """Tell whether `payload` is valid; the fast path."""
        return self._validator.is_valid(payload)

    def first_fault(self, payload: object) -> jsonschema_rs.ValidationError:
        """Return the first thing that is wrong with a `payload` not accepted."""
        try:
            self._validator.validate(payload)
        except jsonschema_rs.ValidationError as fault:
            return fault
        raise ValueError("the payload is valid")

    def faults(self, payload: object) -> Iterator[jsonschema_rs.ValidationError]:
        """Iterate over everything that is wrong; all is found before the first."""
        return self._validator.iter_errors(payload)


def _inline(node: object, definitions: dict[str, Json]) -> Json:
    """Replace every local ``$ref`` by what it points at (no schema is recursive)."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        target = node["$ref"].removeprefix("#/definitions/")
        return _inline(definitions[target], definitions)
    return {
        key: _inline(value, definitions)
        for key, value in node.items()
        if key != "definitions"
    }


def _field_order(document: dict[str, Json]) -> FieldOrder:
    """Derive the nested property order of `document` (which has no ``$ref``)."""
    if "items" in document:
        return _field_order(document["items"])
    properties = document.get("properties", {})
    return {name: _field_order(child) for name, child in properties.items()}


@cache
def call_schema(version: str, action: str) -> Schema:
    """Return the schema of the request of `action`.

    Raises:
        KeyError: the version has no such action.
    """
    messages = MESSAGE_SETS[version]
    return Schema(messages.schema_package, messages.by_action[action].call_schema)


@cache
def result_schema(version: str, action: str) -> Schema:
    """Return the schema of the response to `action`.

    Raises:
        KeyError: the version has no such action.
    """
    messages = MESSAGE_SETS[version]
    return Schema(messages.schema_package, messages.by_action[action].result_schema)


def check_incoming_action(version: str, action: str) -> Violation | None:
    """Tell why a charging station may not call `action`; None when it may.

    An action that the version does not know is ``NotImplemented``; one that only the
    CSMS may call is ``NotSupported`` (OCPP-J 1.6, 4.2.3; 2.0.1 part 4, 4.3).
    """
    messages = MESSAGE_SETS[version]
    if action in messages.incoming:
        return None
    if action in messages.by_action:
        return Violation(
            code=code_for(version, Fault.UNSUPPORTED_ACTION),
            path="",
            description=f"{action} is sent by the CSMS, never to it",
            keyword="action",
        )
    return unknown_action(version, action)


def validate_call(version: str, action: str, payload: object) -> Violation | None:
    """Validate the payload of a CALL, in either direction.

    Args:
        version: ``"1.6"`` or ``"2.0.1"``.
        action: The action's name on the wire.
        payload: Parsed JSON; Decimals count as numbers.

    Returns:
        None when valid, else the first thing that is wrong.
    """
    try:
        schema = call_schema(version, action)
    except KeyError:
        return unknown_action(version, action)
    return None if schema.accepts(payload) else find_violation(version, schema, payload)


def validate_result(version: str, action: str, payload: object) -> Violation | None:
    """Validate the payload of a CALLRESULT to `action`; see ``validate_call``."""
    try:
        schema = result_schema(version, action)
    except KeyError:
        return unknown_action(version, action)
    return None if schema.accepts(payload) else find_violation(version, schema, payload)


def find_violation(version: str, schema: Schema, payload: object) -> Violation:
    """Return the first fault, and its CALLERROR code, of a `payload` not accepted."""
    error = schema.first_fault(payload)
    keyword = error.kind.name
    path = "/".join(str(step) for step in error.instance_path)
    fault = _FAULT_BY_KEYWORD.get(keyword, Fault.MALFORMED)
    what = f"{path or 'payload'}: {_describe(error)}"
    return Violation(
        code=code_for(version, fault),
        path=path,
        description=what[:DESCRIPTION_LIMIT_CHARS],
        keyword=keyword,
    )


def unknown_action(version: str, action: str) -> Violation:
    """Return the violation of an `action` that `version` does not have."""
    return Violation(
        code=code_for(version, Fault.UNKNOWN_ACTION),
        path="",
        description=f"OCPP {version} has no action {action[:50]!r}",
        keyword="action",
    )


def _describe(error: jsonschema_rs.ValidationError) -> str:
    """Say what is wrong without repeating the value, which may be long or secret."""
    facts = error.kind.as_dict()
    match error.kind.name:
        case "required":
            return f"the field {facts['property']!r} is missing"
        case "additionalProperties":
            names = ", ".join(repr(name[:50]) for name in facts["unexpected"][:5])
            return f"unexpected field {names}"
        case "type":
            wanted = " or ".join(facts["types"])
            found = _JSON_TYPE_NAMES.get(type(error.instance), "number")
            return f"must be {wanted}, is {found}"
        case "enum":
            return "the value is not one of those the specification lists"
        case keyword:
            limit = next(iter(facts.values()), "")
            return f"violates {keyword} {limit}".rstrip()
