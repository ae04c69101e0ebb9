"""What billing hears. Each handler is one domain call; facts may come twice."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.utils import timezone

from billing.models.order_states import PaymentState
from billing.services import progress
from cpms.outbox import Event, subscriber

Handler = Callable[[Event, datetime], None]


def _number(event: Event) -> str:
    return str(event.payload["order_number"])


_PAYMENTS: Final[dict[str, Handler]] = {
    "PaymentAuthorized": lambda e, at: progress.payment_authorized(_number(e), at=at),
    "PaymentActionRequired": lambda e, at: progress.payment_action_required(
        _number(e), url=str(e.payload["url"]), at=at
    ),
    "PaymentDeclined": lambda e, at: progress.payment_declined(
        _number(e),
        reason=str(e.payload.get("message") or e.payload.get("decline_code")),
        at=at,
    ),
    "PaymentCaptured": lambda e, at: progress.payment_settled(
        _number(e), state=PaymentState.CAPTURED, at=at
    ),
    "PaymentReceivable": lambda e, at: progress.payment_settled(
        _number(e), state=PaymentState.RECEIVABLE, at=at
    ),
    "PaymentReleased": lambda e, at: progress.payment_settled(
        _number(e), state=PaymentState.RELEASED, at=at
    ),
    "PaymentDisputed": lambda e, at: progress.payment_settled(
        _number(e), state=PaymentState.DISPUTED, at=at
    ),
    "PaymentRefunded": lambda e, at: progress.payment_settled(
        _number(e),
        state=(
            PaymentState.REFUNDED
            if e.payload.get("full")
            else PaymentState.PARTLY_REFUNDED
        ),
        at=at,
    ),
}

_CHARGES: Final[dict[str, Handler]] = {
    "TransactionStarted": lambda e, at: progress.transaction_started(e.payload, at=at),
    "TransactionOrderAttached": lambda e, at: progress.transaction_started(
        e.payload, at=at
    ),
    "TransactionEnded": lambda e, at: progress.transaction_ended(e.payload, at=at),
    "TransactionCorrected": lambda e, at: progress.transaction_corrected(
        e.payload, at=at
    ),
    "Unplugged": lambda e, at: progress.unplugged(e.payload, at=at),
    "StartFailed": lambda e, at: progress.start_failed(
        _number(e), reason=str(e.payload.get("reason") or "start refused"), at=at
    ),
    "StartTimedOut": lambda e, at: progress.start_failed(
        _number(e), reason="No charge began within the start timeout.", at=at
    ),
}


@subscriber("billing.payments", topics=_PAYMENTS, queue="billing")
def on_payment(events: list[Event]) -> None:
    """Facts about payments."""
    for event in events:
        _PAYMENTS[event.topic](event, timezone.now())


@subscriber("billing.charges", topics=_CHARGES, queue="billing")
def on_charge(events: list[Event]) -> None:
    """Facts about charges."""
    for event in events:
        _CHARGES[event.topic](event, timezone.now())


@subscriber("billing.payment_methods", topics=["PaymentMethodSaved"], queue="billing")
def on_payment_method(events: list[Event]) -> None:
    """A driver can pay now: its tokens are let in again."""
    for event in events:
        progress.driver_can_pay(int(event.payload["driver_id"]), at=timezone.now())
