"""OCPP 2.0.1, block G: availability and heartbeat."""

from collections.abc import Sequence

from charge_points.handlers.reading import time_of
from charge_points.handlers.registry import Answer, Request
from charge_points.handlers.v201.words import STATUS
from charge_points.ocpp.timestamps import format_utc
from charge_points.services import availability
from charge_points.services.facts import StatusReport


def heartbeat(request: Request) -> Answer:
    """Heartbeat (G02): no row is touched; any message tells presence of life."""
    return {"currentTime": format_utc(request.received_at)}


def status_notification(requests: Sequence[Request]) -> list[Answer]:
    """StatusNotification (G01), set-wise; EVSE 0 is the station."""
    availability.report_status(
        [
            StatusReport(
                charge_point_id=request.peer.charge_point_id,
                operator_id=request.peer.operator_id,
                evse=request.payload["evseId"],
                connector=request.payload["connectorId"],
                status=STATUS[request.payload["connectorStatus"]],
                reported_at=time_of(request, request.payload["timestamp"]),
                received_at=request.received_at,
            )
            for request in requests
        ]
    )
    return [{} for _ in requests]
