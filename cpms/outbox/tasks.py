"""Celery's side of the outbox: deliveries, and cleaning up."""

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.db.models import Exists, OuterRef
from django.utils import timezone

from cpms.outbox.delivery import deliver
from cpms.outbox.models import Delivery, EventRecord

UNHEARD: Final = ("pending", "dead")
RETENTION: Final = timedelta(days=30)
CLEAN_MAX: Final = 5_000
CLEAN_ROUNDS_MAX: Final = 50


@shared_task(name="outbox.deliver")
def deliver_batch(subscriber: str, delivery_ids: list[int]) -> int:
    """Deliver leased rows to one subscriber."""
    return deliver(subscriber, delivery_ids)


@shared_task(name="outbox.clean")
def clean() -> int:
    """Delete events that everybody has heard and that are past the retention.

    Returns:
        How many events; those beyond the limit of a run go with the next one.
    """
    deleted = 0
    for _ in range(CLEAN_ROUNDS_MAX):
        ids = _heard_long_ago()
        EventRecord.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
        if len(ids) < CLEAN_MAX:
            break
    return deleted


def _heard_long_ago() -> list[int]:
    unheard = Delivery.objects.filter(event=OuterRef("pk"), state__in=UNHEARD)
    return list(
        EventRecord.objects.filter(
            ~Exists(unheard), created_at__lt=timezone.now() - RETENTION
        )
        .order_by("created_at")
        .values_list("pk", flat=True)[:CLEAN_MAX]
    )


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "outbox-clean": {
        "task": "outbox.clean",
        "schedule": 3600.0,
        "options": {"queue": "maintenance"},
    },
}
