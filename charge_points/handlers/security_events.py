"""Security events: their payload is the same in OCPP 1.6 (whitepaper) and 2.0.1."""

from charge_points.handlers.reading import time_of
from charge_points.handlers.registry import Answer, Request
from charge_points.services import security
from charge_points.services.facts import SecurityRow


def security_event_notification(request: Request) -> Answer:
    """SecurityEventNotification (A04): the operator sees it."""
    sent = request.payload
    security.record_many(
        [
            SecurityRow(
                charge_point_id=request.peer.charge_point_id,
                operator_id=request.peer.operator_id,
                kind=sent["type"],
                occurred_at=time_of(request, sent["timestamp"]),
                received_at=request.received_at,
                detail=sent.get("techInfo", ""),
                source="station",
            )
        ]
    )
    return {}
