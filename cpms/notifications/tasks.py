"""Cleaning up messages that are past their retention."""

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from cpms.notifications.models import WebhookMessage

RETENTION: Final = timedelta(days=30)


@shared_task(name="notifications.clean")
def clean() -> int:
    """Delete messages that ended long ago; how many."""
    rows = WebhookMessage.objects.filter(created_at__lt=timezone.now() - RETENTION)
    return rows.exclude(state=WebhookMessage.State.PENDING).delete()[0]


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "notifications-clean": {
        "task": "notifications.clean",
        "schedule": 3600.0,
        "options": {"queue": "maintenance"},
    },
}
