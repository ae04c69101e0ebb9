"""OCPP 2.0.1, block A: security events."""

from charge_points.handlers.security_events import security_event_notification

__all__ = ["security_event_notification"]
