"""Performing an attempt: mark it, ask outside of any database transaction, record.

Kill the worker anywhere and nothing is lost or done twice: before the mark nothing
happened; after it the lease runs out and the same question is asked with the same
key; an answer that was not recorded is given again by the provider.
"""

import random
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from settlement.models import Checkout, Payment, PaymentAttempt
from settlement.models.payment_attempt import OPEN_STATES
from settlement.providers.base import ProviderCheckout, ProviderThrottled
from settlement.services import asking, checkouts, outcomes, page_outcomes
from settlement.services.asking import Page, Question, Refused, Unanswered
from settlement.services.moves import locked_attempt, wake

LEASE: Final = timedelta(seconds=60)
"""Longer than the calls of one attempt can take (provider timeout x 3)."""
TRIES_MAX: Final = 8
"""Tries with the same key before only looking, where there is something to look at."""
KEY_LIFETIME: Final = timedelta(hours=20)
"""Providers forget keys after 24 h; a forgotten one would be executed again."""
AUTHORIZE_PATIENCE: Final = timedelta(minutes=10)
"""A hold that nobody confirms is given up then; if it exists, its event tells."""
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 300.0
SWEEP_AFTER: Final = timedelta(seconds=120)
SWEEP_MAX: Final = 500
ERROR_CHARS_MAX: Final = 500

_STATE = PaymentAttempt.State
_PAYER_WAITS: Final = (PaymentAttempt.Kind.AUTHORIZE, PaymentAttempt.Kind.CHECKOUT)


def perform_attempt(attempt_id: int, *, at: datetime) -> float | None:
    """Ask the provider and record the answer.

    Returns:
        None when the attempt is closed; else the seconds after which to call again.

    Raises:
        RuntimeError: called inside a database transaction, which the provider's
            slowness would hold open.
    """
    question = _begin(attempt_id, at)
    if not isinstance(question, Question):
        return question
    answer = asking.ask(question)
    return _record(question, answer, at)


@transaction.atomic(durable=True)
def _begin(attempt_id: int, at: datetime) -> Question | float | None:
    """Mark the attempt as asked, with its key, before the call."""
    attempt = locked_attempt(attempt_id)
    payment = attempt.payment
    if attempt.state not in OPEN_STATES:
        return None
    if attempt.next_try_at > at:
        return (attempt.next_try_at - at).total_seconds()
    attempt.state = _STATE.IN_FLIGHT
    attempt.tries += 1
    attempt.first_asked_at = attempt.first_asked_at or at
    attempt.next_try_at = at + LEASE
    attempt.save(update_fields=["state", "tries", "first_asked_at", "next_try_at"])
    return _question(payment, attempt, at)


def _question(payment: Payment, attempt: PaymentAttempt, at: datetime) -> Question:
    asked_for = at - (attempt.first_asked_at or at)
    can_look = attempt.kind == PaymentAttempt.Kind.EXPIRE or (
        payment.provider_ref != ""
        and attempt.kind in {PaymentAttempt.Kind.CAPTURE, PaymentAttempt.Kind.CANCEL}
    )
    too_old = asked_for > KEY_LIFETIME or attempt.tries > TRIES_MAX
    refund = attempt.refund
    return Question(
        attempt_id=attempt.pk,
        tries=attempt.tries,
        kind=attempt.kind,
        provider=payment.provider,
        account=payment.account_reference,
        idempotency_key=attempt.idempotency_key,
        amount_minor=attempt.amount_minor,
        application_fee_minor=attempt.application_fee_minor,
        currency=payment.currency,
        provider_ref=payment.provider_ref,
        customer_ref=payment.customer_ref,
        payment_method_ref=payment.payment_method_ref,
        order_number=payment.order_number,
        sequence=payment.sequence,
        off_session=payment.off_session,
        # The provider refuses to give back a fee that nobody took.
        refund_application_fee=bool(
            refund and refund.refund_application_fee and payment.application_fee_minor
        ),
        only_look=can_look and too_old,
        page=_page(payment, attempt),
    )


@transaction.atomic(durable=True)
def _record(question: Question, answer: asking.Answer, at: datetime) -> float | None:
    attempt = locked_attempt(question.attempt_id)
    payment = attempt.payment
    if attempt.state not in OPEN_STATES:
        return None
    if not isinstance(answer, Unanswered):
        wait_s = _take(payment, attempt, answer, at)
        return None if wait_s is None else _later(attempt, wait_s, at)
    if attempt.tries != question.tries:
        # Another worker took over when our lease ran out; its answer counts.
        return (attempt.next_try_at - at).total_seconds()
    if isinstance(answer.error, ProviderThrottled):
        return _throttled(payment, attempt, answer.error, at)
    return _unanswered(payment, attempt, answer, at)


def _take(
    payment: Payment, attempt: PaymentAttempt, answer: asking.Heard, at: datetime
) -> float | None:
    if attempt.kind in checkouts.CHECKOUT_KINDS:
        assert isinstance(answer, ProviderCheckout | Refused)
        page_outcomes.record(payment, attempt, answer, at=at)
        return None
    assert not isinstance(answer, ProviderCheckout)
    return outcomes.record(payment, attempt, answer, at=at)


def _page(payment: Payment, attempt: PaymentAttempt) -> Page | None:
    if attempt.kind not in checkouts.CHECKOUT_KINDS:
        return None
    page = Checkout.objects.get(payment_id=payment.pk)
    return Page(
        reference=page.reference,
        capture=page.capture,
        success_url=page.success_url,
        cancel_url=page.cancel_url,
        locale=page.locale,
        email=page.email,
        expires_at=page.expires_at,
    )


def _unanswered(
    payment: Payment, attempt: PaymentAttempt, answer: Unanswered, at: datetime
) -> float | None:
    attempt.error_code = answer.error.code[:60]
    attempt.error_message = answer.error.message[:ERROR_CHARS_MAX]
    if _out_of_patience(attempt, at) and outcomes.give_up(payment, attempt, at=at):
        return None
    wished_s = getattr(answer.error, "retry_after_s", None) or 0
    return _later(attempt, max(backoff_s(attempt.tries), wished_s), at)


def _throttled(
    payment: Payment, attempt: PaymentAttempt, error: ProviderThrottled, at: datetime
) -> float | None:
    """Nothing was done: it waits and is not counted as a try.

    Only a payer is not let wait for ever.
    """
    attempt.error_code, attempt.error_message = error.code, error.message
    waited = at - attempt.created_at
    if (
        attempt.kind in _PAYER_WAITS
        and waited > AUTHORIZE_PATIENCE
        and outcomes.give_up(payment, attempt, at=at)
    ):
        return None
    attempt.tries -= 1
    if attempt.tries == 0:
        attempt.first_asked_at = None
    wait_s = _later(attempt, error.wait_s, at)
    if attempt.tries == 0:
        attempt.state = _STATE.PENDING
        attempt.save(update_fields=["state"])
    return wait_s


def _out_of_patience(attempt: PaymentAttempt, at: datetime) -> bool:
    age = at - (attempt.first_asked_at or at)
    if attempt.kind in _PAYER_WAITS:
        return age > AUTHORIZE_PATIENCE and attempt.tries > TRIES_MAX
    return age > KEY_LIFETIME


def _later(attempt: PaymentAttempt, wait_s: float, at: datetime) -> float:
    attempt.state = _STATE.UNKNOWN
    attempt.next_try_at = at + timedelta(seconds=wait_s)
    attempt.save()
    return wait_s


def backoff_s(tries: int) -> float:
    """Doubling from a second, with jitter, up to ``BACKOFF_MAX_S``."""
    ceiling = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(tries, 20))
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret


@transaction.atomic
def sweep(*, at: datetime) -> int:
    """Wake attempts that nobody asked for long after they were due.

    Returns:
        How many were woken. Their next sweep is later, so that a provider that is
        down does not fill the outbox.
    """
    rows = list(
        PaymentAttempt.objects.select_for_update(skip_locked=True)
        .filter(state__in=OPEN_STATES, next_try_at__lt=at - SWEEP_AFTER)
        .order_by("next_try_at")[:SWEEP_MAX]
    )
    for attempt in rows:
        wake(attempt)
        attempt.next_try_at = at
        attempt.save(update_fields=["next_try_at"])
    return len(rows)
