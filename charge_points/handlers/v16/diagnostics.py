"""OCPP 1.6, diagnostics (FirmwareManagement) and logs of the whitepaper."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers import diagnostics as common
from charge_points.handlers.firmware import retrying
from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    Route,
    SentCommand,
)
from charge_points.ocpp.versions import V16
from charge_points.services import diagnostics

PROFILE: Final = "FirmwareManagement"
SECURITY: Final = "Security"
NOTHING: Final = "The charge point has no such diagnostics."


def get_log(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """GetDiagnostics, which every station has; security logs by GetLog."""
    if arguments["kind"] == diagnostics.SECURITY:
        return common.get_log(arguments)
    span = {
        "startTime": arguments.get("oldest_at"),
        "stopTime": arguments.get("latest_at"),
    }
    return "GetDiagnostics", {
        "location": common.location(arguments),
        **{name: value for name, value in span.items() if value},
        **retrying(arguments),
    }


def on_diagnostics(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Without a file name there is nothing to upload (5.9)."""
    name = answer.get("fileName", "")
    diagnostics.record_answer(
        asked=common.asked(command),
        status="Accepted" if name else "Rejected",
        file_name=name,
        detail="" if name else NOTHING,
        at=at,
    )


def diagnostics_status_notification(request: Request) -> Answer:
    """DiagnosticsStatusNotification (4.4): of the newest request."""
    status = request.payload["status"]
    diagnostics.record_status(
        charge_point_id=request.peer.charge_point_id,
        request_id=None,
        status="UploadFailure" if status == "UploadFailed" else status,
        at=request.received_at,
    )
    return {}


ROUTES: Final = (
    Route(
        V16,
        "DiagnosticsStatusNotification",
        diagnostics_status_notification,
        "one",
        PROFILE,
    ),
    Route(
        V16, "LogStatusNotification", common.log_status_notification, "one", SECURITY
    ),
)
OUTGOING: Final = (
    Outgoing(V16, "GetDiagnostics", PROFILE, on_diagnostics, common.on_error),
    Outgoing(V16, "GetLog", SECURITY, common.on_log, common.on_error),
    Outgoing(
        V16, "ExtendedTriggerMessage", SECURITY, repeatable=True, while_pending=True
    ),
)
INTENTS: Final = {diagnostics.GET_LOG: get_log}
