"""What the provider tells about a hosted page means for its payment.

All functions work on a locked payment row.
"""

from datetime import datetime
from typing import Final

from settlement import events
from settlement.models import Payment, PaymentAttempt, PaymentState
from settlement.models.payment_states import WAITING_STATES
from settlement.providers.base import ProviderCheckout
from settlement.services import captures, checkouts, debts, outcomes
from settlement.services.asking import Refused
from settlement.services.moves import move, open_attempt, queue_attempt, tell

EXPIRE_ATTEMPTS_MAX: Final = 4
ERROR_CHARS_MAX: Final = 500

_S = PaymentState
_KIND = PaymentAttempt.Kind
_STATE = PaymentAttempt.State


def record(
    payment: Payment,
    attempt: PaymentAttempt,
    answer: ProviderCheckout | Refused,
    *,
    at: datetime,
) -> None:
    """Take the answer to opening or closing a page into the books."""
    if isinstance(answer, Refused):
        _refused(payment, attempt, answer, at)
        return
    outcomes.close(attempt, _STATE.SUCCEEDED, at)
    apply(payment, answer, cause=f"{attempt.kind} answered", at=at)


def apply(
    payment: Payment, known: ProviderCheckout, *, cause: str, at: datetime
) -> bool:
    """Bring a payment to what the provider says of its page.

    Returns:
        Whether something changed.
    """
    checkouts.remember(payment, known)
    if known.payment is not None and outcomes.apply(
        payment, known.payment, cause=cause, at=at
    ):
        return True
    if payment.state not in WAITING_STATES:
        return False
    if known.state == "expired":
        _ended(payment, at)
        return True
    if payment.state == _S.AUTHORIZING and known.url:
        _opened(payment, known.url, at)
        return True
    return False


def _opened(payment: Payment, url: str, at: datetime) -> None:
    payment.action_url = url
    move(payment, _S.REQUIRES_ACTION, cause="the payer is asked on a page", at=at)
    tell(events.PAYMENT_ACTION_REQUIRED, payment, url=url)
    debts.tell_pay_link(payment, url)
    if payment.release_reason:
        captures.release(payment, at=at)


def _ended(payment: Payment, at: datetime) -> None:
    """Nobody can pay on the page any more."""
    attempt = open_attempt(payment)
    if attempt is not None:
        outcomes.close(attempt, _STATE.SUCCEEDED, at)
    if payment.release_reason:
        captures.released(payment, reason=payment.release_reason, at=at)
        return
    captures.declined(
        payment,
        code=checkouts.NOT_PAID,
        message="Nobody paid on the provider's page while it was open.",
        at=at,
    )


def _refused(
    payment: Payment, attempt: PaymentAttempt, answer: Refused, at: datetime
) -> None:
    attempt.error_code = answer.error.code[:60]
    attempt.error_message = answer.error.message[:ERROR_CHARS_MAX]
    outcomes.close(attempt, _STATE.FAILED, at)
    if attempt.kind == _KIND.CHECKOUT:
        outcomes.hold_refused(payment, answer, at)
        return
    asked = payment.attempts.filter(kind=_KIND.EXPIRE).count()
    if asked < EXPIRE_ATTEMPTS_MAX:
        wait = outcomes.CAPTURE_AGAIN_AFTER[
            min(asked, len(outcomes.CAPTURE_AGAIN_AFTER)) - 1
        ]
        queue_attempt(payment, _KIND.EXPIRE, at=at, not_before=at + wait)
    elif payment.state in WAITING_STATES:
        reason = payment.release_reason or "cannot be closed"
        captures.released(payment, reason=f"{reason}; ends by itself", at=at)
