"""Cleaning up messages and mails that are past their retention."""

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from cpms.notifications.models import Notification, WebhookMessage

RETENTION: Final = timedelta(days=30)


@shared_task(name="notifications.clean")
def clean() -> int:
    """Delete what ended long ago; how many."""
    before = timezone.now() - RETENTION
    messages = WebhookMessage.objects.filter(created_at__lt=before)
    mails = Notification.objects.filter(created_at__lt=before)
    return (
        messages.exclude(state=WebhookMessage.State.PENDING).delete()[0]
        + mails.exclude(state=Notification.State.PENDING).delete()[0]
    )


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "notifications-clean": {
        "task": "notifications.clean",
        "schedule": 3600.0,
        "options": {"queue": "maintenance"},
    },
}
