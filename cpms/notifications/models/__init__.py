"""Tables of the notifications."""

from cpms.notifications.models.notification import Notification
from cpms.notifications.models.settings import (
    DriverNotificationSettings,
    StaffNotificationSettings,
)
from cpms.notifications.models.webhook_endpoint import WebhookEndpoint
from cpms.notifications.models.webhook_message import WebhookMessage

__all__ = [
    "DriverNotificationSettings",
    "Notification",
    "StaffNotificationSettings",
    "WebhookEndpoint",
    "WebhookMessage",
]
