"""OCPP 2.0.1, block N: monitoring and events (N02 to N08)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from charge_points.handlers.reading import time_of
from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    Route,
    SentCommand,
)
from charge_points.ocpp.versions import V201
from charge_points.services import monitoring
from charge_points.services.monitoring import EventFact, MonitorFact, Place

# NotFound: there is no such monitor (any more).
GONE: Final = frozenset({"Accepted", "NotFound"})


def _place(entry: Mapping[str, Any]) -> Place:
    component, variable = entry["component"], entry["variable"]
    evse = component.get("evse", {})
    return Place(
        component=component["name"],
        component_instance=component.get("instance", ""),
        evse_number=evse.get("id"),
        connector_number=evse.get("connectorId"),
        variable=variable["name"],
        variable_instance=variable.get("instance", ""),
    )


def _monitor(
    place: Place, sent: Mapping[str, Any], monitor_id: int, severity: int
) -> MonitorFact:
    return MonitorFact(
        monitor_id=monitor_id,
        place=place,
        kind=sent["type"],
        value=Decimal(str(sent["value"])),
        severity=severity,
        is_transaction_only=sent.get("transaction", False),
    )


def on_set(command: SentCommand, answer: Payload, at: datetime) -> None:
    """SetVariableMonitoring (N04): the station gives each monitor its id."""
    asked = command.payload["setMonitoringData"]
    facts = [
        _monitor(_place(wanted), wanted, got["id"], got["severity"])
        for wanted, got in zip(asked, answer["setMonitoringResult"], strict=False)
        if got["status"] == "Accepted" and "id" in got
    ]
    monitoring.record_set(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        facts=facts,
        at=at,
    )


def on_cleared(command: SentCommand, answer: Payload, at: datetime) -> None:
    """ClearVariableMonitoring (N06)."""
    monitoring.record_cleared(
        charge_point_id=command.charge_point_id,
        monitor_ids=[
            result["id"]
            for result in answer["clearMonitoringResult"]
            if result["status"] in GONE
        ],
        at=at,
    )


def on_base(command: SentCommand, answer: Payload, at: datetime) -> None:
    """SetMonitoringBase (N03)."""
    if answer["status"] == "Accepted":
        monitoring.record_base(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            base=command.payload["monitoringBase"],
            at=at,
        )


def on_level(command: SentCommand, answer: Payload, at: datetime) -> None:
    """SetMonitoringLevel (N05)."""
    if answer["status"] == "Accepted":
        monitoring.record_level(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            severity=command.payload["severity"],
            at=at,
        )


def on_asked(command: SentCommand, answer: Payload, at: datetime) -> None:
    """GetMonitoringReport (N02): an accepted one is followed by its parts."""
    sent = command.payload
    monitoring.record_asked(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        request_id=sent["requestId"],
        status=answer["status"],
        whole=not (sent.get("componentVariable") or sent.get("monitoringCriteria")),
        at=at,
    )


def notify_monitoring_report(request: Request) -> Answer:
    """NotifyMonitoringReport (N02): one part."""
    sent = request.payload
    monitoring.record_part(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        request_id=sent["requestId"],
        seq_no=sent["seqNo"],
        to_be_continued=sent.get("tbc", False),
        facts=[
            _monitor(_place(entry), told, told["id"], told["severity"])
            for entry in sent.get("monitor", ())
            for told in entry["variableMonitoring"]
        ],
        at=request.received_at,
    )
    return {}


def _event(request: Request, told: Mapping[str, Any]) -> EventFact:
    return EventFact(
        event_id=told["eventId"],
        place=_place(told),
        occurred_at=time_of(request, told["timestamp"]),
        trigger=told["trigger"],
        notification_type=told["eventNotificationType"],
        actual_value=told["actualValue"],
        cause=told.get("cause"),
        monitor_id=told.get("variableMonitoringId"),
        tech_code=told.get("techCode", ""),
        tech_info=told.get("techInfo", ""),
        is_cleared=told.get("cleared", False),
        transaction_id=told.get("transactionId", ""),
    )


def notify_event(request: Request) -> Answer:
    """NotifyEvent (N07, N08): each part stands for itself."""
    monitoring.record_events(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        facts=[_event(request, told) for told in request.payload["eventData"]],
        at=request.received_at,
    )
    return {}


def refused(answer: Payload) -> list[str] | None:
    """What was refused of an answer per monitor; None: it is no such answer."""
    if "setMonitoringResult" in answer:
        return [
            f"{r['component']['name']}.{r['variable']['name']}: {r['status']}"
            for r in answer["setMonitoringResult"]
            if r["status"] != "Accepted"
        ]
    if "clearMonitoringResult" in answer:
        return [
            f"{r['id']}: {r['status']}"
            for r in answer["clearMonitoringResult"]
            if r["status"] != "Accepted"
        ]
    return None


ROUTES: Final = (
    Route(V201, "NotifyEvent", notify_event, "one", "N"),
    Route(V201, "NotifyMonitoringReport", notify_monitoring_report, "one", "N"),
)
OUTGOING: Final = (
    Outgoing(V201, "ClearVariableMonitoring", "N", on_cleared, repeatable=True),
    Outgoing(V201, "GetMonitoringReport", "N", on_asked, repeatable=True),
    Outgoing(V201, "SetMonitoringBase", "N", on_base, repeatable=True),
    Outgoing(V201, "SetMonitoringLevel", "N", on_level, repeatable=True),
    # Without an id the station would make a second monitor.
    Outgoing(V201, "SetVariableMonitoring", "N", on_set),
)
