"""Settlement's work: what the outbox hands over, and what the clock does."""

from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from cpms.outbox import Event, RetryLater, subscriber
from settlement import events
from settlement.services import attempts, payees, receivables

QUEUE: Final = "settlement"


@subscriber(
    "settlement.attempts",
    topics=[events.ATTEMPT_QUEUED],
    queue="payments",
    transactional=False,
)
def on_attempt_queued(event: Event) -> None:
    """Ask the provider."""
    wait_s = attempts.perform_attempt(event.payload["attempt_id"], at=timezone.now())
    if wait_s is not None:
        raise RetryLater(wait_s, "the provider gave no final answer yet")


@subscriber(
    "settlement.payees",
    topics=[events.PAYEE_ACCOUNT_SUSPECT],
    queue=QUEUE,
    transactional=False,
)
def on_payee_suspect(event: Event) -> None:
    """Mirror what the provider lets the account do."""
    payees.verify(payee_account_id=event.payload["payee_account_id"], at=timezone.now())


@shared_task(name="settlement.sweep_attempts", queue=QUEUE)
def sweep_attempts() -> int:
    """Wake attempts that nobody asks."""
    return attempts.sweep(at=timezone.now())


@shared_task(name="settlement.collect_receivables", queue=QUEUE)
def collect_receivables() -> int:
    """Ask for debts whose time has come."""
    return receivables.collect_due(at=timezone.now())


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "settlement-sweep-attempts": {
        "task": "settlement.sweep_attempts",
        "schedule": 30.0,
    },
    "settlement-collect-receivables": {
        "task": "settlement.collect_receivables",
        "schedule": 3600.0,
    },
}
