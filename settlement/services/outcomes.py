"""What an answer of the provider means for a payment.

Used for answers to our questions and for what webhooks and sweeps fetch: one truth,
whichever way it comes. All functions work on a locked payment row.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from cpms.outbox import publish
from settlement import events
from settlement.models import Payment, PaymentAttempt, PaymentState
from settlement.models.payment_states import MONEY_STATES, WAITING_STATES
from settlement.providers.base import (
    ProviderDeclined,
    ProviderPayment,
    ProviderRefund,
    ProviderRejected,
)
from settlement.services import captures, checkouts, late_money, refunds
from settlement.services.asking import Refused
from settlement.services.moves import move, open_attempt, queue_attempt, tell

CAPTURE_ATTEMPTS_MAX: Final = 4
CAPTURE_AGAIN_AFTER: Final = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
)
PROCESSING_S: Final = 5.0
ERROR_CHARS_MAX: Final = 500

_S = PaymentState
_UNDER_WAY: Final = (*WAITING_STATES, _S.AUTHORIZED, _S.CAPTURING)
_KIND = PaymentAttempt.Kind
_STATE = PaymentAttempt.State

log = structlog.get_logger(__name__)


def record(
    payment: Payment,
    attempt: PaymentAttempt,
    answer: ProviderPayment | ProviderRefund | Refused,
    *,
    at: datetime,
) -> float | None:
    """Take an answer into the books.

    Returns:
        None when the attempt is closed, else seconds until the next look.
    """
    if isinstance(answer, ProviderRefund):
        _refund(payment, attempt, answer, at)
        return None
    if isinstance(answer, Refused):
        return _refused(payment, attempt, answer, at)
    if answer.state == "processing" and attempt.kind == _KIND.AUTHORIZE:
        return PROCESSING_S
    return _settled(payment, attempt, answer, at)


def close(attempt: PaymentAttempt, state: PaymentAttempt.State, at: datetime) -> None:
    """Nothing more is to be asked."""
    attempt.state, attempt.finished_at = state, at
    attempt.save(update_fields=["state", "finished_at", "error_code", "error_message"])


def _settled(
    payment: Payment, attempt: PaymentAttempt, known: ProviderPayment, at: datetime
) -> float | None:
    wanted = {
        _KIND.AUTHORIZE: {"authorized", "requires_action", "captured"},
        _KIND.CAPTURE: {"captured"},
        _KIND.CANCEL: {"cancelled", "failed"},
    }[PaymentAttempt.Kind(attempt.kind)]
    done = known.state in wanted
    close(attempt, _STATE.SUCCEEDED if done else _STATE.FAILED, at)
    if attempt.kind == _KIND.CAPTURE and known.state in {"authorized", "processing"}:
        _capture_again(payment, "the hold still stands", at)
        return None
    if attempt.kind == _KIND.CANCEL and known.state == "authorized":
        _cancel_again(payment, at)
        return None
    apply(payment, known, cause=f"{attempt.kind} answered", at=at)
    return None


def apply(
    payment: Payment, known: ProviderPayment, *, cause: str, at: datetime
) -> bool:
    """Bring a payment to what the provider says is true.

    While a hosted page is open only money counts: what failed there may be tried
    again, and its end is told by the page itself (``page_outcomes``).

    Returns:
        Whether something changed.
    """
    if payment.state not in _UNDER_WAY:
        row = late_money.noted(payment, known)
        if row is not None:
            return apply(row, known, cause=cause, at=at)
    _remember(payment, known)
    if payment.state in WAITING_STATES:
        return _apply_to_waiting(payment, known, cause, at)
    if payment.state in {_S.AUTHORIZED, _S.CAPTURING}:
        return _apply_to_hold(payment, known, cause, at)
    return _apply_to_ended(payment, known, cause, at)


def _apply_to_ended(
    payment: Payment, known: ProviderPayment, cause: str, at: datetime
) -> bool:
    """Paid, or given up (declined, released, owed)."""
    if payment.state in MONEY_STATES and payment.captured_minor:
        made = refunds.made_elsewhere(
            payment, refunded_total_minor=known.amount_refunded_minor, at=at
        )
        return made is not None
    if known.state == "captured" and known.amount_received_minor:
        _answered_otherwise(payment, at)
        return late_money.arrived(payment, known, cause=cause, at=at)
    if known.state == "authorized" and open_attempt(payment) is None:
        # We gave this hold up: it must not stay.
        queue_attempt(payment, _KIND.CANCEL, at=at)
        return True
    return False


def _remember(payment: Payment, known: ProviderPayment) -> None:
    told = {
        "provider_ref": payment.provider_ref or known.ref,
        "charge_ref": known.charge_ref or payment.charge_ref,
        "capture_before": known.capture_before or payment.capture_before,
    }
    news = [name for name, value in told.items() if getattr(payment, name) != value]
    for name in news:
        setattr(payment, name, told[name])
    if news:
        payment.save(update_fields=news)


def _apply_to_waiting(
    payment: Payment, known: ProviderPayment, cause: str, at: datetime
) -> bool:
    tried = known.state not in {"authorized", "captured"}
    if tried and checkouts.of(payment) is not None:
        return False
    if known.state == "requires_action":
        return _requires_action(payment, known, at)
    refused = known.state == "failed" or known.decline_code
    if known.state == "processing" and not refused:
        return False
    _answered_otherwise(payment, at)
    if known.state in {"authorized", "captured"}:
        if known.state == "authorized":
            captures.authorized(payment, cause=cause, at=at)
        else:
            move(payment, _S.AUTHORIZED, cause=cause, at=at)
            _captured(payment, known, cause, at)
    elif known.state == "cancelled":
        reason = payment.release_reason or "cancelled at the provider"
        captures.released(payment, reason=reason, at=at)
    else:
        captures.declined(
            payment,
            code=known.decline_code or "failed",
            message="The bank refused the payment.",
            at=at,
        )
    return True


def _requires_action(payment: Payment, known: ProviderPayment, at: datetime) -> bool:
    if payment.state == _S.REQUIRES_ACTION:
        return False
    _answered_otherwise(payment, at)
    if payment.off_session or known.action_url is None:
        captures.declined(
            payment,
            code="authentication_required",
            message="The bank wants to ask the payer, who is not there.",
            at=at,
        )
        queue_attempt(payment, _KIND.CANCEL, at=at)
        return True
    payment.action_url = known.action_url
    move(payment, _S.REQUIRES_ACTION, cause="the bank asks the payer", at=at)
    tell(events.PAYMENT_ACTION_REQUIRED, payment, url=known.action_url)
    if payment.release_reason:
        captures.release(payment, at=at)
    return True


def _apply_to_hold(
    payment: Payment, known: ProviderPayment, cause: str, at: datetime
) -> bool:
    if known.state == "captured":
        _captured(payment, known, cause, at)
        return True
    if known.state not in {"cancelled", "failed"}:
        return False
    _answered_otherwise(payment, at)
    if payment.state == _S.CAPTURING:
        captures.lost(payment, reason="the hold is gone", at=at)
    else:
        reason = payment.release_reason or "the hold expired"
        captures.released(payment, reason=reason, at=at)
    return True


def _captured(
    payment: Payment, known: ProviderPayment, cause: str, at: datetime
) -> None:
    _answered_otherwise(payment, at)
    late_money.require_owed(payment)
    captures.captured(
        payment,
        amount_minor=known.amount_received_minor,
        fee_minor=known.application_fee_minor,
        cause=cause,
        at=at,
    )
    if payment.unowed_reason:
        late_money.give_back(payment, at=at)


def _answered_otherwise(payment: Payment, at: datetime) -> None:
    """What was still to be asked is answered by what we learnt another way."""
    attempt = open_attempt(payment)
    if attempt is not None and attempt.kind != _KIND.REFUND:
        attempt.error_code = "answered_otherwise"
        close(attempt, _STATE.SUCCEEDED, at)


def _refund(
    payment: Payment, attempt: PaymentAttempt, answer: ProviderRefund, at: datetime
) -> None:
    refund = attempt.refund
    assert refund is not None, "the attempt's kind and its refund belong together"
    if answer.state in {"failed", "cancelled"}:
        close(attempt, _STATE.FAILED, at)
        refunds.failed(
            payment, refund, code=answer.state, message="The refund failed.", at=at
        )
        return
    close(attempt, _STATE.SUCCEEDED, at)
    if answer.state == "pending":
        # On its way: it counts when the provider says that the money went back.
        refund.provider_ref = answer.ref
        refund.save(update_fields=["provider_ref"])
        return
    refunds.succeeded(
        payment,
        refund,
        provider_ref=answer.ref,
        fee_refunded_total_minor=answer.application_fee_refunded_minor,
        at=at,
    )


def _refused(
    payment: Payment, attempt: PaymentAttempt, answer: Refused, at: datetime
) -> float | None:
    error = answer.error
    attempt.error_code = error.code[:60]
    attempt.error_message = error.message[:ERROR_CHARS_MAX]
    if answer.known is not None:
        return _settled(payment, attempt, answer.known, at)
    close(attempt, _STATE.FAILED, at)
    log.warning(
        "payment_refused",
        order=payment.order_number,
        kind=attempt.kind,
        code=error.code,
        error=error.message,
    )
    if attempt.kind == _KIND.AUTHORIZE:
        hold_refused(payment, answer, at)
    elif attempt.kind == _KIND.CAPTURE:
        _capture_again(payment, error.message, at)
    elif attempt.kind == _KIND.CANCEL:
        _cancel_again(payment, at)
    else:
        assert attempt.refund is not None
        refunds.failed(
            payment, attempt.refund, code=error.code, message=error.message, at=at
        )
    return None


def hold_refused(payment: Payment, answer: Refused, at: datetime) -> None:
    """The provider refused the hold; a blocked account is looked at."""
    error = answer.error
    code = error.code
    if isinstance(error, ProviderDeclined):
        code = error.decline_code
        payment.provider_ref = error.payment_ref or ""
    elif isinstance(error, ProviderRejected) and code == "account_blocked":
        code = "payee_account_blocked"
        publish(
            events.PAYEE_ACCOUNT_SUSPECT,
            operator_id=payment.operator_id,
            key=payment.account_reference,
            payload={"payee_account_id": payment.payee_account_id},
        )
    captures.declined(payment, code=code, message=error.message, at=at)


def _capture_again(payment: Payment, why: str, at: datetime) -> None:
    """A refused capture: new questions on the same account, then a debt."""
    asked = payment.attempts.filter(kind=_KIND.CAPTURE).count()
    if asked < CAPTURE_ATTEMPTS_MAX and payment.state == _S.CAPTURING:
        wait = CAPTURE_AGAIN_AFTER[min(asked, len(CAPTURE_AGAIN_AFTER)) - 1]
        captures.start(payment, at=at, not_before=at + wait)
        return
    captures.lost(payment, reason=f"the capture was refused: {why}"[:200], at=at)
    queue_attempt(payment, _KIND.CANCEL, at=at)


def _cancel_again(payment: Payment, at: datetime) -> None:
    """A refused release: the hold ends by itself, but ask some times."""
    asked = payment.attempts.filter(kind=_KIND.CANCEL).count()
    if asked < CAPTURE_ATTEMPTS_MAX:
        wait = CAPTURE_AGAIN_AFTER[min(asked, len(CAPTURE_AGAIN_AFTER)) - 1]
        queue_attempt(payment, _KIND.CANCEL, at=at, not_before=at + wait)
    elif payment.state in {_S.AUTHORIZED, *WAITING_STATES}:
        reason = payment.release_reason or "cannot be released"
        captures.released(payment, reason=f"{reason}; ends by itself", at=at)


def give_up(payment: Payment, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """An attempt that was never answered while its key lived.

    A hold that nobody confirmed is given up; should it exist, it is found by its
    event and released. Captures and releases go on looking; a refund goes to the
    operator, since asking again could pay twice.
    """
    if attempt.kind in {_KIND.AUTHORIZE, _KIND.CHECKOUT}:
        close(attempt, _STATE.FAILED, at)
        if payment.release_reason:
            captures.released(payment, reason=payment.release_reason, at=at)
            return True
        captures.declined(
            payment,
            code="provider_unreachable",
            message="The payment provider did not answer.",
            at=at,
        )
        return True
    if attempt.kind == _KIND.REFUND and attempt.refund is not None:
        close(attempt, _STATE.FAILED, at)
        refunds.failed(
            payment,
            attempt.refund,
            code="provider_unreachable",
            message="The provider did not answer; look in its pages before asking "
            "again.",
            at=at,
        )
        return True
    return False
