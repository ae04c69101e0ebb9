"""Monitors of stations and what they notice (2.0.1 N02 to N08)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from charge_points import events
from charge_points.models import MonitoringReport, StationEvent, VariableMonitor
from charge_points.services import variables
from charge_points.services.facts import VariableFact
from charge_points.services.rows import insert_unless_exists
from cpms.outbox import publish_many

MONITORS_PER_MESSAGE_MAX: Final = 1000
PARTS_MAX: Final = 1000
EVENTS_PER_MESSAGE_MAX: Final = 200
ALERTING: Final = "Alerting"
CONTROLLER: Final = "MonitoringCtrlr"
# They take the monitors away that were set by command (N03).
WITHOUT_CUSTOM: Final = frozenset({"FactoryDefault", "HardWiredOnly"})
VALUE_LIMIT: Final = Decimal(10) ** 18
_MICRO: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which variable of which component; names empty where nothing was said."""

    component: str
    variable: str
    component_instance: str = ""
    evse_number: int | None = None
    connector_number: int | None = None
    variable_instance: str = ""

    def fields(self) -> dict[str, Any]:
        """The columns."""
        return {
            "component": self.component[:50],
            "component_instance": self.component_instance[:50],
            "evse_number": self.evse_number,
            "connector_number": self.connector_number,
            "variable": self.variable[:50],
            "variable_instance": self.variable_instance[:50],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorFact:
    """One monitor; ``severity`` 0 (danger) to 9 (debug)."""

    monitor_id: int
    place: Place
    kind: str
    value: Decimal
    severity: int
    is_transaction_only: bool = False

    def fields(self) -> dict[str, Any]:
        """The columns."""
        value = min(max(self.value, -VALUE_LIMIT), VALUE_LIMIT)
        return {
            **self.place.fields(),
            "kind": self.kind[:24],
            "value": value.quantize(_MICRO),
            "severity": self.severity,
            "is_transaction_only": self.is_transaction_only,
            "state": VariableMonitor.State.SET,
            "cleared_at": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFact:
    """One event as told (``EventDataType``)."""

    event_id: int
    place: Place
    occurred_at: datetime
    trigger: str
    notification_type: str
    actual_value: str
    cause: int | None = None
    monitor_id: int | None = None
    tech_code: str = ""
    tech_info: str = ""
    is_cleared: bool = False
    transaction_id: str = ""


@transaction.atomic
def record_set(
    *,
    charge_point_id: int,
    operator_id: int,
    facts: Sequence[MonitorFact],
    at: datetime,
) -> None:
    """A station accepted monitors (N04); one with the same id is replaced."""
    for fact in facts[:MONITORS_PER_MESSAGE_MAX]:
        VariableMonitor.objects.update_or_create(
            charge_point_id=charge_point_id,
            monitor_id=fact.monitor_id,
            defaults={
                "operator_id": operator_id,
                "set_at": at,
                "is_custom": True,
                **fact.fields(),
            },
        )


def _clear(charge_point_id: int, at: datetime, **which: Any) -> int:
    return VariableMonitor.objects.filter(
        charge_point_id=charge_point_id, state=VariableMonitor.State.SET, **which
    ).update(state=VariableMonitor.State.CLEARED, cleared_at=at)


@transaction.atomic
def record_cleared(
    *, charge_point_id: int, monitor_ids: Collection[int], at: datetime
) -> int:
    """Monitors that are not there any more (N06); returns how many were known."""
    return _clear(charge_point_id, at, monitor_id__in=monitor_ids)


@transaction.atomic
def record_base(
    *, charge_point_id: int, operator_id: int, base: str, at: datetime
) -> None:
    """SetMonitoringBase was accepted (N03)."""
    if base in WITHOUT_CUSTOM:
        _clear(charge_point_id, at, is_custom=True)
    _record_variable(charge_point_id, operator_id, "ActiveMonitoringBase", base, at)


@transaction.atomic
def record_level(
    *, charge_point_id: int, operator_id: int, severity: int, at: datetime
) -> None:
    """SetMonitoringLevel was accepted (N05): only this and graver events come."""
    _record_variable(
        charge_point_id, operator_id, "ActiveMonitoringLevel", str(severity), at
    )


def _record_variable(
    charge_point_id: int, operator_id: int, name: str, value: str, at: datetime
) -> None:
    fact = VariableFact(component=CONTROLLER, variable=name, value=value)
    variables.record(
        charge_point_id=charge_point_id,
        operator_id=operator_id,
        facts=[fact],
        source="monitoring",
        at=at,
    )


# -- reports (N02) -----------------------------------------------------------------


def _report(
    charge_point_id: int, operator_id: int, request_id: int, at: datetime
) -> MonitoringReport:
    """Locked; a part may overtake the record of the answer."""
    insert_unless_exists(
        MonitoringReport(
            operator_id=operator_id,
            charge_point_id=charge_point_id,
            request_id=request_id,
            asked_at=at,
        )
    )
    return MonitoringReport.objects.select_for_update(no_key=True).get(
        charge_point_id=charge_point_id, request_id=request_id
    )


@transaction.atomic
def record_asked(
    *,
    charge_point_id: int,
    operator_id: int,
    request_id: int,
    status: str,
    whole: bool,
    at: datetime,
) -> None:
    """GetMonitoringReport was answered.

    Args:
        charge_point_id: who.
        operator_id: whose.
        request_id: joins the parts; one that was used before begins anew.
        status: the station's word; "EmptyResultSet": there are none.
        whole: no criteria: what the report does not name is gone.
        at: now.
    """
    row = _report(charge_point_id, operator_id, request_id, at)
    if row.status:
        row.parts, row.last_part, row.completed_at = {}, None, None
        row.asked_at = at
    row.status, row.is_whole = status[:16], whole
    if status == "EmptyResultSet":
        row.last_part, row.parts = 0, {"0": []}
    elif status != "Accepted":
        row.completed_at = at
    _complete(row, at)
    row.save()


@transaction.atomic
def record_part(  # noqa: PLR0913 - the fields of one message, all named
    *,
    charge_point_id: int,
    operator_id: int,
    request_id: int,
    seq_no: int,
    to_be_continued: bool,
    facts: Sequence[MonitorFact],
    at: datetime,
) -> bool:
    """NotifyMonitoringReport: a part, in any order.

    Returns:
        Whether the report is complete.
    """
    row = _report(charge_point_id, operator_id, request_id, at)
    kept = facts[:MONITORS_PER_MESSAGE_MAX]
    for fact in kept:
        VariableMonitor.objects.update_or_create(
            charge_point_id=charge_point_id,
            monitor_id=fact.monitor_id,
            defaults={"confirmed_at": at, **fact.fields()},
            create_defaults={
                "operator_id": operator_id,
                "set_at": at,
                "confirmed_at": at,
                **fact.fields(),
            },
        )
    if len(row.parts) < PARTS_MAX:
        row.parts[str(seq_no)] = [fact.monitor_id for fact in kept]
    if not to_be_continued:
        row.last_part = seq_no
    _complete(row, at)
    row.save()
    return row.completed_at is not None


def _complete(row: MonitoringReport, at: datetime) -> None:
    """A whole report says also which monitors are not there."""
    last = row.last_part
    if last is None or row.completed_at is not None or not row.status:
        return
    if last >= PARTS_MAX or not all(str(n) in row.parts for n in range(last + 1)):
        return
    row.completed_at = at
    if row.is_whole:
        named = {key for ids in row.parts.values() for key in ids}
        VariableMonitor.objects.filter(
            charge_point_id=row.charge_point_id, state=VariableMonitor.State.SET
        ).exclude(monitor_id__in=named).update(
            state=VariableMonitor.State.CLEARED, cleared_at=at
        )


# -- events (N07) ------------------------------------------------------------------


@transaction.atomic
def record_events(
    *,
    charge_point_id: int,
    operator_id: int,
    facts: Sequence[EventFact],
    at: datetime,
) -> int:
    """NotifyEvent: what a station noticed; a repeat changes nothing.

    Alarms are told; readings (Delta, Periodic) are only kept.

    Returns:
        How many were new.
    """
    kept = facts[:EVENTS_PER_MESSAGE_MAX]
    known = VariableMonitor.objects.filter(
        charge_point_id=charge_point_id,
        monitor_id__in=[fact.monitor_id for fact in kept if fact.monitor_id],
    )
    severities = dict(known.values_list("monitor_id", "severity"))
    rows = [
        StationEvent(
            operator_id=operator_id,
            charge_point_id=charge_point_id,
            received_at=at,
            severity=severities.get(fact.monitor_id or 0),
            **_event_fields(fact),
        )
        for fact in kept
    ]
    new = [row for row in rows if insert_unless_exists(row)]
    publish_many(
        [
            events.station_event_raised(
                operator_id=operator_id, noticed=_noticed(row), at=at
            )
            for row in new
            if row.trigger == ALERTING
        ]
    )
    return len(new)


def _event_fields(fact: EventFact) -> dict[str, Any]:
    return {
        **fact.place.fields(),
        "event_id": fact.event_id,
        "occurred_at": fact.occurred_at,
        "trigger": fact.trigger[:16],
        "notification_type": fact.notification_type[:24],
        "cause": fact.cause,
        "actual_value": fact.actual_value.replace("\0", "")[:2500],
        "monitor_id": fact.monitor_id,
        "tech_code": fact.tech_code[:50],
        "tech_info": fact.tech_info.replace("\0", "")[:500],
        "is_cleared": fact.is_cleared,
        "transaction_id": fact.transaction_id[:36],
    }


def _noticed(row: StationEvent) -> events.Noticed:
    return events.Noticed(
        charge_point_id=row.charge_point_id,
        event_id=row.event_id,
        component=row.component,
        variable=row.variable,
        actual_value=row.actual_value[:100],
        severity=row.severity,
        is_cleared=row.is_cleared,
    )
