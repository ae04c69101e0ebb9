"""Cleaning up what has an end: kept answers, tokens."""

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from cpms.accounts.models import DriverToken, IdempotencyRecord

ANSWER_RETENTION: Final = timedelta(hours=48)
"""How long a POST may be repeated with its Idempotency-Key."""

TOKEN_RETENTION: Final = timedelta(days=7)
"""Tokens that ended stay so long, for questions about who was logged in."""


@shared_task(name="accounts.clean")
def clean() -> dict[str, int]:
    """Delete kept answers and ended tokens past their retention."""
    now = timezone.now()
    ended = now - TOKEN_RETENTION
    answers = IdempotencyRecord.objects.filter(started_at__lt=now - ANSWER_RETENTION)
    expired = DriverToken.objects.filter(expires_at__lt=ended)
    revoked = DriverToken.objects.filter(revoked_at__lt=ended)
    return {
        "answers": answers.delete()[0],
        "tokens": expired.delete()[0] + revoked.delete()[0],
    }


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "accounts-clean": {
        "task": "accounts.clean",
        "schedule": 3600.0,
        "options": {"queue": "maintenance"},
    },
}
