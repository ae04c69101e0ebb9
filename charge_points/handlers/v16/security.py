"""OCPP 1.6 security whitepaper: security events."""

from typing import Final

from charge_points.handlers.registry import Route
from charge_points.handlers.security_events import security_event_notification
from charge_points.ocpp.versions import V16

ROUTES: Final = (
    Route(
        V16,
        "SecurityEventNotification",
        security_event_notification,
        "one",
        "Security",
    ),
)
