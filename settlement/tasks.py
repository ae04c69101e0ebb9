"""Settlement's work: what the outbox hands over, and what the clock does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import structlog
from celery import shared_task
from celery.schedules import crontab
from django.utils import timezone

from cpms.outbox import Event, RetryLater, subscriber
from settlement import events
from settlement.models import PayeeAccount
from settlement.providers.base import (
    ProviderError,
    ProviderThrottled,
    ProviderUnavailable,
)
from settlement.services import (
    attempts,
    corrections,
    disputes,
    holds,
    late_money,
    looks,
    method_pages,
    own_keys,
    payees,
    platform_fees,
    receivables,
    reconciliation,
    refund_looks,
    sealing,
    webhooks,
)

QUEUE: Final = "settlement"
STUCK_NAMED_MAX: Final = 20
RECONCILE_AGAIN_AFTER_S: Final = 300
RECONCILE_AGAIN_MAX: Final = 12
"""An hour of a provider that does not answer; the next night tries again."""

log = structlog.get_logger(__name__)


@contextmanager
def _at_the_accounts_pace() -> Iterator[None]:
    """What comes too fast waits for its turn; it has not failed."""
    try:
        yield
    except ProviderThrottled as error:
        raise RetryLater(error.wait_s, error.message) from error


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
    "settlement.corrections",
    topics=[events.CORRECTION_QUEUED],
    queue="payments",
    transactional=False,
)
def on_correction_queued(event: Event) -> None:
    """Let the money follow a bill that changed; what must wait, the sweep goes on with.

    Each in a database transaction of its own: one that locked the payments of several
    orders could wait in a circle with another batch, or with those who make bills.
    """
    corrections.advance(
        correction_id=int(event.payload["correction_id"]), at=timezone.now()
    )


@subscriber(
    "settlement.payees",
    topics=[events.PAYEE_ACCOUNT_SUSPECT],
    queue=QUEUE,
    transactional=False,
)
def on_payee_suspect(event: Event) -> None:
    """Mirror what the provider lets the account do."""
    with _at_the_accounts_pace():
        payees.verify(
            payee_account_id=event.payload["payee_account_id"], at=timezone.now()
        )


@subscriber(
    "settlement.webhooks",
    topics=[events.WEBHOOK_RECEIVED],
    queue=QUEUE,
    transactional=False,
)
def on_webhook_received(event: Event) -> None:
    """Fetch what the event is about."""
    with _at_the_accounts_pace():
        webhooks.process(
            webhook_event_id=event.payload["webhook_event_id"], at=timezone.now()
        )


@subscriber(
    "settlement.evidence",
    topics=[events.EVIDENCE_QUEUED],
    queue=QUEUE,
    transactional=False,
)
def on_evidence_queued(event: Event) -> None:
    """Send the payer's bank what shows that the charge took place."""
    with _at_the_accounts_pace():
        disputes.send(dispute_id=event.payload["dispute_id"], at=timezone.now())


@subscriber(
    "settlement.own_keys",
    topics=[events.OWN_KEY_SUBMITTED],
    queue=QUEUE,
    transactional=False,
)
def on_own_key_submitted(event: Event) -> None:
    """Try an operator's own key at the provider."""
    with _at_the_accounts_pace():
        _decide_key(event.payload["submission_id"])


@subscriber(
    "settlement.reconciliations",
    topics=[events.RECONCILIATION_QUEUED],
    queue=QUEUE,
    transactional=False,
)
def on_reconciliation_queued(event: Event) -> None:
    """Compare an account with its provider's report, since somebody asked."""
    with _at_the_accounts_pace():
        reconciliation.reconcile(
            payee_account_id=event.payload["payee_account_id"], at=timezone.now()
        )


@shared_task(name="settlement.sweep")
def sweep() -> int:
    """Wake attempts that nobody asks, handle holds that end soon, name the stuck."""
    at = timezone.now()
    stuck = holds.stuck(at=at)
    if stuck:
        log.error("payments_stuck", payments=stuck[:STUCK_NAMED_MAX], count=len(stuck))
    warned = disputes.warn_due(at=at)
    again = late_money.sweep(at=at)
    corrected = corrections.sweep(at=at)
    return (
        attempts.sweep(at=at)
        + holds.handle_expiring(at=at)
        + warned
        + corrected
        + again
    )


@shared_task(name="settlement.look")
def look() -> int:
    """Ask what became of payments and pages whose payer is being asked."""
    at = timezone.now()
    asked = _each(holds.to_look_at(at=at), _look)
    asked += _each(refund_looks.to_look_at(at=at), _look_at_refund)
    return asked + _each(method_pages.to_look_at(at=at), _look_at_page)


def _look(payment_id: int) -> None:
    holds.refresh(payment_id=payment_id, at=timezone.now())


def _look_at_refund(refund_id: int) -> None:
    refund_looks.look(refund_id=refund_id, at=timezone.now())


def _look_at_page(page_id: int) -> None:
    method_pages.look(page_id=page_id, at=timezone.now())


@shared_task(name="settlement.look_after")
def look_after() -> int:
    """Ask about what nobody told of: events, disputes, holds, pages."""
    at = timezone.now()
    asked = _each(looks.unheard_webhooks(at=at), _process)
    asked += _each(looks.forgotten(at=at), _revive)
    asked += _each(looks.pages_left_open(at=at), _look)
    asked += _each(own_keys.to_look_at(at=at), _decide_key)
    own_keys.forget_former(at=at)
    return asked + _each(looks.waiting_disputes(at=at), _look_at_dispute)


def _process(webhook_event_id: int) -> None:
    webhooks.process(webhook_event_id=webhook_event_id, at=timezone.now())


def _revive(payment_id: int) -> None:
    looks.revive(payment_id=payment_id, at=timezone.now())


def _decide_key(submission_id: int) -> None:
    own_keys.decide(submission_id=submission_id, at=timezone.now())


def _look_at_dispute(dispute_id: int) -> None:
    looks.look_at_dispute(dispute_id=dispute_id, at=timezone.now())


@shared_task(name="settlement.seal")
def seal() -> int:
    """Seal what the books hold by now."""
    return sealing.seal_all(at=timezone.now())


@shared_task(name="settlement.collect_receivables")
def collect_receivables() -> int:
    """Ask for debts whose time has come."""
    return receivables.collect_due(at=timezone.now())


@shared_task(name="settlement.poll_events")
def poll_events() -> int:
    """Fill the gaps of the webhooks."""
    return _each(_accounts(), _poll)


def _poll(account_id: int) -> None:
    webhooks.poll(payee_account_id=account_id, at=timezone.now())


@shared_task(name="settlement.reconcile")
def reconcile() -> int:
    """Compare every account with its provider's report."""
    accounts = _accounts()
    for account_id in accounts:
        reconcile_account.apply_async((account_id,), queue=QUEUE)
    return len(accounts)


@shared_task(
    name="settlement.reconcile_account",
    autoretry_for=(ProviderUnavailable,),
    max_retries=RECONCILE_AGAIN_MAX,
    default_retry_delay=RECONCILE_AGAIN_AFTER_S,
)
def reconcile_account(payee_account_id: int) -> int:
    """Compare one account with its provider's report; cut short, it goes on later."""
    return reconciliation.reconcile(
        payee_account_id=payee_account_id, at=timezone.now()
    )


@shared_task(name="settlement.issue_platform_invoices")
def issue_platform_invoices() -> int:
    """Invoice last month's fees of operators with an own key."""
    at = timezone.now()
    last_month = (at.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    return platform_fees.issue(month_start_date=last_month, at=at)


@shared_task(name="settlement.verify_payees")
def verify_payees() -> int:
    """Mirror what the providers let the accounts do."""
    return _each(_accounts(), _verify)


def _verify(account_id: int) -> None:
    payees.verify(payee_account_id=account_id, at=timezone.now())


def _accounts() -> list[int]:
    return list(PayeeAccount.objects.order_by("pk").values_list("pk", flat=True))


def _each(ids: list[int], work: Callable[[int], None]) -> int:
    """One that cannot be asked does not stop the others; returns how many worked."""
    worked = 0
    for pk in ids:
        try:
            work(pk)
        except ProviderError as error:
            log.warning("provider_not_asked", row=pk, error=str(error))
        else:
            worked += 1
    return worked


def _every(task: str, schedule: float | crontab, queue: str = QUEUE) -> dict[str, Any]:
    return {"task": task, "schedule": schedule, "options": {"queue": queue}}


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "settlement-sweep": _every("settlement.sweep", 30.0),
    "settlement-look": _every("settlement.look", 20.0),
    "settlement-look-after": _every("settlement.look_after", 120.0),
    "settlement-seal": _every("settlement.seal", 60.0, "maintenance"),
    "settlement-poll-events": _every("settlement.poll_events", 120.0),
    "settlement-verify-payees": _every("settlement.verify_payees", 900.0),
    "settlement-collect-receivables": _every("settlement.collect_receivables", 3600.0),
    "settlement-platform-invoices": _every(
        "settlement.issue_platform_invoices", crontab(hour=4, minute=15)
    ),
    "settlement-reconcile": _every("settlement.reconcile", crontab(hour=2, minute=30)),
}
