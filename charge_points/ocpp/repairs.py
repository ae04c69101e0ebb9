"""Repairing a payload that strict validation refused, where a quirk is known.

The validator says what is wrong and where; the remedy of that keyword mends it in a
copy. After each round the copy is validated again, so what comes out is valid but for
three things kept on purpose: texts and numbers over their limits, units the schema
forgot, and an empty list of meter values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final, TypeAlias

import jsonschema_rs

from charge_points.ocpp import quirk_names as quirk
from charge_points.ocpp.conversions import convert
from charge_points.ocpp.json_types import Json, Payload
from charge_points.ocpp.repair_tables import (
    ENUM_FALLBACKS,
    METER_VALUE_ARRAYS,
    REQUIRED_DEFAULTS,
    SAMPLE_ARRAY,
    SAMPLE_ENUM_QUIRKS,
    UNIT_ALIASES,
    foreign_fields,
)
from charge_points.ocpp.schemas import Schema
from charge_points.ocpp.wire_text import count_values

# Mending shows what the first faults hid; a fault below the third layer is no quirk.
ROUNDS_LIMIT: Final = 4
# Beyond these a payload is no quirk but a flood; finding all its faults would hold
# up every other station for longer than a frame is worth.
FAULTS_LIMIT: Final = 4096
VALUES_LIMIT: Final = 8192

# A text over its limit is kept up to the larger of these, in characters.
KEPT_TEXT_CHARS: Final = 255
KEPT_TEXT_FACTOR: Final = 4

Path: TypeAlias = list[str | int]
_READINGS: Final = "meterValue"
_DROPPED: Final = object()
_MISSING: Final = object()


@dataclass(slots=True)
class _Spot:
    """One fault: where it stands in the copy, and what the schema says there.

    Attributes:
        path: From the payload to the value.
        parent: The object or array that holds the value.
        key: The value's place in it.
        value: The value itself, or ``_MISSING``.
        optional: Whether the object may go without it.
        facts: The validator's own words, such as ``{"limit": 20}``.
    """

    path: Path
    parent: Json
    key: str | int
    value: Json
    optional: bool
    facts: Payload


def repair(
    version: str, action: str, schema: Schema, payload: Payload
) -> tuple[Payload, tuple[str, ...]] | None:
    """Mend a copy of `payload`.

    Args:
        version: Whose `schema` it is.
        action: The action of the request or response.
        schema: The schema that refused.
        payload: Left untouched.

    Returns:
        The mended copy and the names of the quirks, or None when something is wrong
        that no quirk explains.
    """
    if count_values(payload, VALUES_LIMIT) > VALUES_LIMIT:
        return None
    patient = _Patient(version, action, schema, payload)
    for _ in range(ROUNDS_LIMIT):
        found = list(islice(schema.faults(patient.payload), FAULTS_LIMIT + 1))
        faults = [fault for fault in found if not patient.may_stay(fault)]
        if not faults:
            return patient.finish()
        if len(found) > FAULTS_LIMIT or not all(
            patient.mend(fault) for fault in faults
        ):
            return None
        patient.sweep()
    return None


class _Patient:
    """A payload under repair."""

    def __init__(
        self, version: str, action: str, schema: Schema, payload: Payload
    ) -> None:
        self.version = version
        self.action = action
        self.payload: Payload = _copy(payload)
        self._document = schema.document
        self._quirks: dict[str, None] = {}
        self._kept: list[tuple[Payload, str, Json]] = []
        self._hollow: dict[int, list[Json]] = {}

    def may_stay(self, fault: jsonschema_rs.ValidationError) -> bool:
        """Tell the one fault that is kept: MeterValues without any reading left.

        The message still says that the station is alive, and must be answered.
        """
        is_empty = fault.kind.name == "minItems" and fault.instance_path == [_READINGS]
        if not is_empty or _READINGS not in self._document.get("required", ()):
            return False
        self._quirks[quirk.EMPTY_FIELD] = None
        return True

    def mend(self, fault: jsonschema_rs.ValidationError) -> bool:
        """Apply the remedy of the fault's keyword; False when there is none."""
        keyword, facts = fault.kind.name, fault.kind.as_dict()
        path: Path = list(fault.instance_path)
        if keyword == "additionalProperties":
            return self._drop_foreign(path, facts["unexpected"])
        if keyword == "required":
            path.append(facts["property"])
        spot = self._locate(path, facts)
        if spot is None:
            return True  # gone with an earlier repair; the next round looks again
        remedy = _REMEDIES.get(keyword)
        if remedy is not None and remedy(self, spot):
            return True
        return self.drop_reading(spot, _READING_QUIRKS.get(keyword))

    def sweep(self) -> None:
        """Close the gaps that dropped array items left."""
        for items in self._hollow.values():
            items[:] = [item for item in items if item is not _DROPPED]
        self._hollow.clear()

    def finish(self) -> tuple[Payload, tuple[str, ...]]:
        """Put back what is kept against the schema, and hand the payload over."""
        for holder, key, value in self._kept:
            holder[key] = value
        return self.payload, tuple(self._quirks)

    def put(self, spot: _Spot, value: object, *quirks: str) -> bool:
        """Replace the value."""
        spot.parent[spot.key] = value
        self._quirks.update(dict.fromkeys(quirks))
        return True

    def drop(self, spot: _Spot, name: str) -> bool:
        """Take the value out of its object or array."""
        self._remove(spot.parent, spot.key)
        self._quirks[name] = None
        return True

    def keep(self, spot: _Spot, stand_in: object, value: object, name: str) -> bool:
        """Let `stand_in` satisfy the validator; `value` is what comes out."""
        if isinstance(spot.parent, dict):
            self._kept.append((spot.parent, str(spot.key), value))
        if stand_in is _MISSING:
            self._remove(spot.parent, spot.key)
        else:
            spot.parent[spot.key] = stand_in
        self._quirks[name] = None
        return True

    def default(self, spot: _Spot) -> bool:
        """Put the table's value where a required one is missing or unusable."""
        key = str(spot.key)
        found = REQUIRED_DEFAULTS.get((self.action, key)) or REQUIRED_DEFAULTS.get(
            ("", key)
        )
        if found is None or spot.optional:
            return False
        value, name = found
        return self.put(spot, _copy(value), name)

    def drop_reading(self, spot: _Spot, name: str | None) -> bool:
        """Drop the sample, else the meter value, that the fault stands in."""
        if name is None:
            return False
        for array in ({SAMPLE_ARRAY}, METER_VALUE_ARRAYS):
            for position, step in enumerate(spot.path[:-1]):
                if step in array and isinstance(spot.path[position + 1], int):
                    holder = self._resolve(spot.path[: position + 1])
                    self._remove(holder, spot.path[position + 1])
                    self._quirks[name] = None
                    return True
        return False

    def in_sample(self, spot: _Spot) -> bool:
        """Tell whether the value is a field of a sampled value itself."""
        return len(spot.path) > 2 and spot.path[-3] == SAMPLE_ARRAY

    def _drop_foreign(self, path: Path, names: list[str]) -> bool:
        holder = self._resolve(path)
        if holder is _DROPPED:
            return True
        if not foreign_fields(self.version, self.action).issuperset(names):
            return False
        if len(path) > 1 and path[-2] == SAMPLE_ARRAY:
            _translate_unit(holder, names)
        for name in names:
            holder.pop(name, None)
        self._quirks[quirk.FOREIGN_FIELD] = None
        return True

    def _remove(self, holder: Json, key: str | int) -> None:
        if isinstance(holder, list) and isinstance(key, int):
            holder[key] = _DROPPED
            self._hollow[id(holder)] = holder
        else:
            del holder[key]

    def _resolve(self, path: Path) -> Json:
        value: Json = self.payload
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return _DROPPED
        return value

    def _locate(self, path: Path, facts: Payload) -> _Spot | None:
        parent = self._resolve(path[:-1])
        if not path or not isinstance(parent, dict | list):
            return None
        key = path[-1]
        value = self._resolve(path)
        is_missing = "property" in facts
        if value is _DROPPED and not is_missing:
            return None
        return _Spot(
            path=path,
            parent=parent,
            key=key,
            value=_MISSING if is_missing else value,
            optional=isinstance(key, str) and not self._is_required(path),
            facts=facts,
        )

    def _is_required(self, path: Path) -> bool:
        node = self._document
        for step in path[:-1]:
            node = node["items"] if isinstance(step, int) else node["properties"][step]
        return path[-1] in node.get("required", ())


def _copy(value: Json) -> Json:
    """Copy parsed JSON; frames limit its depth."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def _letters(text: str) -> str:
    """Reduce `text` to what stays the same in other spellings."""
    return "".join(c for c in text.casefold() if c.isalnum() or c in "%°")


def _translate_unit(sample: Payload, names: list[str]) -> None:
    """Keep the unit when a sample brings it as the other version writes it.

    Dropping it would turn kWh into the default Wh; where it cannot be translated the
    unit becomes one that no meter has, so that the value is not counted.
    """
    if "unit" in names and "unitOfMeasure" not in sample:
        sample["unitOfMeasure"] = {"unit": str(sample["unit"])[:20]}
    if "unitOfMeasure" in names and "unit" not in sample:
        measure = sample["unitOfMeasure"]
        plain = isinstance(measure, dict) and not measure.get("multiplier")
        sample["unit"] = measure.get("unit", "Wh") if plain else "unknown"


def _mend_type(patient: _Patient, spot: _Spot) -> bool:
    if spot.value is None:
        name = quirk.NULL_FIELD
        if spot.key == "transactionId":
            name = quirk.TRANSACTION_ID_NULL
        droppable = spot.optional or isinstance(spot.key, int)
        return patient.drop(spot, name) if droppable else patient.default(spot)
    for wanted in spot.facts["types"]:
        converted = convert(spot.value, wanted, spot.key)
        if converted is not None:
            value, quirks = converted
            return patient.put(spot, value, *quirks)
    if spot.optional:
        is_empty = spot.value in ("", [], {})
        return patient.drop(
            spot, quirk.EMPTY_FIELD if is_empty else quirk.BAD_OPTIONAL_VALUE
        )
    return patient.default(spot)


def _mend_enum(patient: _Patient, spot: _Spot) -> bool:
    options: list[Json] = spot.facts["options"]
    if spot.value in options:
        return True
    text = spot.value if isinstance(spot.value, str) else ""
    if not text.strip() and spot.optional:
        return patient.drop(spot, quirk.EMPTY_FIELD)
    letters = _letters(text)
    for option in options:
        if letters == _letters(option):
            padded = text.strip() == option
            name = quirk.PADDED_VALUE if padded else quirk.ENUM_SPELLING
            return patient.put(spot, option, name)
    return _mend_unknown(patient, spot, letters)


def _mend_unknown(patient: _Patient, spot: _Spot, letters: str) -> bool:
    """Mend a value that is no other spelling of a listed one."""
    key = str(spot.key)
    if key == "unit" and letters in UNIT_ALIASES:
        unit = UNIT_ALIASES[letters]
        if unit in spot.facts["options"]:
            return patient.put(spot, unit, quirk.UNIT_ALIAS)
        # The package's schema of StopTransaction lacks Hertz.
        return patient.keep(spot, _MISSING, unit, quirk.UNIT_ALIAS)
    if patient.in_sample(spot) and key in SAMPLE_ENUM_QUIRKS:
        return patient.drop_reading(spot, SAMPLE_ENUM_QUIRKS[key])
    fallback = ENUM_FALLBACKS.get((patient.action, key))
    if fallback is not None:
        return patient.put(spot, *fallback)
    return spot.optional and patient.drop(spot, quirk.UNKNOWN_ENUM_VALUE)


def _mend_length(patient: _Patient, spot: _Spot) -> bool:
    limit: int = spot.facts["limit"]
    stripped = spot.value.strip()
    if len(stripped) <= limit:
        return patient.put(spot, stripped, quirk.PADDED_VALUE)
    name = quirk.ID_TAG_TOO_LONG if spot.key == "idTag" else quirk.STRING_TOO_LONG
    kept = spot.value[: max(KEPT_TEXT_CHARS, KEPT_TEXT_FACTOR * limit)]
    return patient.keep(spot, spot.value[:limit], kept, name)


def _mend_min_items(patient: _Patient, spot: _Spot) -> bool:
    return spot.optional and patient.drop(spot, quirk.EMPTY_FIELD)


def _mend_range(patient: _Patient, spot: _Spot) -> bool:
    return spot.optional and patient.drop(spot, quirk.BAD_OPTIONAL_VALUE)


def _mend_decimals(patient: _Patient, spot: _Spot) -> bool:
    rounded = round(Decimal(repr(spot.value)), 1)
    return patient.keep(spot, float(rounded), spot.value, quirk.TOO_MANY_DECIMALS)


_REMEDIES: Final[dict[str, Callable[[_Patient, _Spot], bool]]] = {
    "type": _mend_type,
    "required": _Patient.default,
    "enum": _mend_enum,
    "maxLength": _mend_length,
    "minItems": _mend_min_items,
    "minimum": _mend_range,
    "maximum": _mend_range,
    "multipleOf": _mend_decimals,
}

# When no remedy helps inside a meter value: why the reading is dropped.
_READING_QUIRKS: Final = {
    "required": quirk.SAMPLE_WITHOUT_VALUE,
    "type": quirk.UNREADABLE_NUMBER,
    "minItems": quirk.EMPTY_FIELD,
}
