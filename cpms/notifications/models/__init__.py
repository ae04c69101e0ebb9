"""Tables of the notifications."""

from cpms.notifications.models.webhook_endpoint import WebhookEndpoint
from cpms.notifications.models.webhook_message import WebhookMessage

__all__ = ["WebhookEndpoint", "WebhookMessage"]
