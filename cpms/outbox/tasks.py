"""Celery's side of the outbox: deliveries, and cleaning up."""

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from cpms.outbox.delivery import deliver
from cpms.outbox.models import EventRecord

RETENTION: Final = timedelta(days=30)
CLEAN_MAX: Final = 10_000


@shared_task(name="outbox.deliver")
def deliver_batch(subscriber: str, delivery_ids: list[int]) -> int:
    """Deliver leased rows to one subscriber."""
    return deliver(subscriber, delivery_ids)


@shared_task(name="outbox.clean")
def clean() -> int:
    """Delete events that everybody has heard and that are past the retention."""
    old = (
        EventRecord.objects.filter(created_at__lt=timezone.now() - RETENTION)
        .exclude(delivery__state__in=["pending", "dead"])
        .values_list("pk", flat=True)[:CLEAN_MAX]
    )
    deleted, _ = EventRecord.objects.filter(pk__in=list(old)).delete()
    return deleted


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "outbox-clean": {
        "task": "outbox.clean",
        "schedule": 3600.0,
        "options": {"queue": "maintenance"},
    },
}
