"""What a payload may hold, read from the message's JSON schema for people."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from charge_points.ocpp.schemas import MESSAGE_SETS, call_schema
from charge_points.ocpp.v201.messages import BLOCKS

DEPTH_MAX: Final = 6
_CAPITALS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SAMPLE_TIME: Final = "2030-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class FieldHelp:
    """One field: ``path`` like ``chargingSchedule.chargingRateUnit``."""

    path: str
    kind: str
    is_required: bool
    limits: str


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """The actions of a feature profile (1.6) or functional block (2.0.1)."""

    name: str
    actions: tuple[str, ...]


def action_groups(version: str) -> list[ActionGroup]:
    """All actions that the CSMS may send in this version, by group."""
    messages = MESSAGE_SETS[version]
    groups: dict[str, list[str]] = {}
    for action in sorted(messages.outgoing):
        groups.setdefault(messages.by_action[action].group, []).append(action)
    return [ActionGroup(_words(name), tuple(groups[name])) for name in sorted(groups)]


def _words(group: str) -> str:
    """``SmartCharging``, or its block's letter in 2.0.1, as people write it."""
    parts = _CAPITALS.split(BLOCKS.get(group, group))
    return " ".join([parts[0], *(part.lower() for part in parts[1:])])


def example_payload(version: str, action: str) -> dict[str, Any]:
    """The required fields with a value each, to start typing from."""
    filled = _example(call_schema(version, action).document, 0)
    return filled if isinstance(filled, dict) else {}


def example_text(version: str, action: str) -> str:
    """As ``example_payload``, to be shown in a form."""
    return json.dumps(example_payload(version, action), indent=2, ensure_ascii=False)


def field_help(version: str, action: str) -> list[FieldHelp]:
    """All fields, required ones first within their object."""
    return list(_fields(call_schema(version, action).document, "", 0))


def _example(schema: dict[str, Any], depth: int) -> Any:  # noqa: ANN401 - JSON
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {
                name: _example(properties[name], depth + 1)
                for name in schema.get("required", ())
                if name in properties and depth < DEPTH_MAX
            }
        case "array":
            return [_example(schema.get("items", {}), depth + 1)]
        case word:
            return _example_scalar(str(word), schema)


def _example_scalar(kind: str, schema: dict[str, Any]) -> str | int | bool:
    if kind in {"integer", "number"}:
        return max(int(schema.get("minimum", 0)), 0)
    if kind == "boolean":
        return False
    return _SAMPLE_TIME if schema.get("format") == "date-time" else ""


def _fields(schema: dict[str, Any], prefix: str, depth: int) -> Iterator[FieldHelp]:
    required = set(schema.get("required", ()))
    properties = schema.get("properties", {})
    for name in sorted(properties, key=lambda name: (name not in required, name)):
        child = properties[name]
        kind = _kind(child)
        inner, suffix = child, ""
        while inner.get("type") == "array":
            inner, suffix = inner.get("items", {}), f"{suffix}[]"
        yield FieldHelp(
            f"{prefix}{name}{suffix}", kind, name in required, limits_of(inner)
        )
        if inner.get("type") == "object" and depth < DEPTH_MAX:
            yield from _fields(inner, f"{prefix}{name}{suffix}.", depth + 1)


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return _("list of %s") % _kind(schema.get("items", {}))
    if schema.get("format") == "date-time":
        return _("time")
    return str(schema.get("type", "any"))


def limits_of(schema: dict[str, Any]) -> str:
    """What a value may be, in words; empty where the schema says nothing."""
    if "enum" in schema:
        return " · ".join(str(value) for value in schema["enum"])
    words = {
        "maxLength": _("up to {} characters"),
        "minimum": _("from {}"),
        "maximum": _("to {}"),
        "multipleOf": _("in steps of {}"),
    }
    return ", ".join(
        text.format(schema[key]) for key, text in words.items() if key in schema
    )
