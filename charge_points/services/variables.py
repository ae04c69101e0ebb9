"""Configuration of stations as a typed table with history; both versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from charge_points.models import DeviceVariable, DeviceVariableChange, ReportPart
from charge_points.services import signed_values
from charge_points.services.facts import VariableFact
from charge_points.services.masking import MASK, SECRET_VARIABLES
from charge_points.services.rows import insert_unless_exists

VARIABLES_PER_STATION_MAX: Final = 5000
VALUE_CHARS_MAX: Final = 2500
_TEXTS: Final = ("mutability", "data_type", "unit", "allowed_values")
_LIMITS: Final = ("min_limit", "max_limit")

Key = tuple[str, str, int, int, str, str, str]


def _key_of_fact(fact: VariableFact) -> Key:
    return (
        fact.component[:50],
        fact.component_instance[:50],
        fact.evse,
        fact.connector,
        fact.variable[:255],
        fact.variable_instance[:50],
        fact.attribute,
    )


def _key_of_row(row: DeviceVariable) -> Key:
    return (
        row.component,
        row.component_instance,
        row.evse_number,
        row.connector_number,
        row.variable,
        row.variable_instance,
        row.attribute,
    )


def _value(fact: VariableFact) -> str | None:
    if fact.value is not None and fact.variable.lower() in SECRET_VARIABLES:
        return MASK
    return None if fact.value is None else fact.value[:VALUE_CHARS_MAX]


@transaction.atomic
def record(
    *,
    charge_point_id: int,
    operator_id: int,
    facts: Sequence[VariableFact],
    source: str,
    at: datetime,
) -> int:
    """Take over what a station told of its configuration.

    A value None says nothing about the value (write-only, or characteristics alone);
    empty characteristics say nothing either. Every changed value goes to the history.
    Secrets are masked. Beyond ``VARIABLES_PER_STATION_MAX`` new ones are left out.

    Args:
        charge_point_id: whose.
        operator_id: its operator.
        facts: attributes; of two for the same one the last counts.
        source: the message that told it, such as "GetConfiguration".
        at: when.

    Returns:
        How many values are new or changed.
    """
    wanted = {_key_of_fact(fact): fact for fact in facts}
    known = {
        _key_of_row(row): row
        for row in DeviceVariable.objects.select_for_update(no_key=True)
        .filter(charge_point_id=charge_point_id)
        .order_by("pk")
    }
    room = max(VARIABLES_PER_STATION_MAX - len(known), 0)
    fresh = [key for key in wanted if key not in known][:room]
    DeviceVariable.objects.bulk_create(
        [_row(charge_point_id, operator_id, key, wanted[key], at) for key in fresh],
        ignore_conflicts=True,
    )
    changed = [
        row
        for key, row in known.items()
        if key in wanted and _update(row, wanted[key], at)
    ]
    updated = [row for key, row in known.items() if key in wanted]
    DeviceVariable.objects.bulk_update(
        updated, ["value", "updated_at", "changed_at", *_TEXTS, *_LIMITS]
    )
    made = DeviceVariable.objects.filter(
        charge_point_id=charge_point_id,
        variable__in=[key[4] for key in fresh],
        changed_at=at,
    )
    new = [row for row in made if _key_of_row(row) in set(fresh)]
    _write_history([*changed, *new], source, at)
    signed_values.learn(
        charge_point_id=charge_point_id,
        operator_id=operator_id,
        facts=facts,
        source=source,
        at=at,
    )
    return len(changed) + len(new)


def _write_history(rows: Sequence[DeviceVariable], source: str, at: datetime) -> None:
    DeviceVariableChange.objects.bulk_create(
        [
            DeviceVariableChange(
                operator_id=row.operator_id,
                variable_id=row.pk,
                value=row.value,
                at=at,
                source=source[:40],
            )
            for row in rows
        ]
    )


def _row(
    charge_point_id: int, operator_id: int, key: Key, fact: VariableFact, at: datetime
) -> DeviceVariable:
    return DeviceVariable(
        operator_id=operator_id,
        charge_point_id=charge_point_id,
        component=key[0],
        component_instance=key[1],
        evse_number=key[2],
        connector_number=key[3],
        variable=key[4],
        variable_instance=key[5],
        attribute=key[6],
        value=_value(fact) or "",
        updated_at=at,
        changed_at=at,
        **_characteristics(fact),
    )


def _characteristics(fact: VariableFact) -> dict[str, Any]:
    return {
        "mutability": fact.mutability[:10],
        "data_type": fact.data_type[:20],
        "unit": fact.unit[:20],
        "allowed_values": fact.allowed_values[:1000],
        "min_limit": fact.min_limit,
        "max_limit": fact.max_limit,
    }


def _update(row: DeviceVariable, fact: VariableFact, at: datetime) -> bool:
    """Take a fact over; True when the value differs from before."""
    row.updated_at = at
    for name, told in _characteristics(fact).items():
        if told not in {"", None}:
            setattr(row, name, told)
    value = _value(fact)
    if value is None or value == row.value:
        return False
    row.value, row.changed_at = value, at
    return True


@transaction.atomic
def record_report_part(  # noqa: PLR0913 - the fields of one row, all named
    *,
    charge_point_id: int,
    operator_id: int,
    request_id: int,
    seq_no: int,
    to_be_continued: bool,
    facts: Sequence[VariableFact],
    generated_at: datetime,
    at: datetime,
) -> bool:
    """Take one NotifyReport; a repeated part changes nothing.

    Returns:
        Whether the report is complete: all parts from 0 to the last are there.
    """
    part = ReportPart(
        operator_id=operator_id,
        charge_point_id=charge_point_id,
        request_id=request_id,
        seq_no=seq_no,
        to_be_continued=to_be_continued,
        variables=len(facts),
        generated_at=generated_at,
        received_at=at,
    )
    if insert_unless_exists(part):
        record(
            charge_point_id=charge_point_id,
            operator_id=operator_id,
            facts=facts,
            source="NotifyReport",
            at=at,
        )
    parts = dict(
        ReportPart.objects.filter(
            charge_point_id=charge_point_id, request_id=request_id
        ).values_list("seq_no", "to_be_continued")
    )
    last = [number for number, more in parts.items() if not more]
    return bool(last) and all(number in parts for number in range(max(last) + 1))
