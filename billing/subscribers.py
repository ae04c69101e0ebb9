"""What billing hears. Each handler is one domain call; facts may come twice."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.utils import timezone

from billing.services import evidence, moves, payability, paying, progress, receipts
from billing.services.documents import credit_notes, mailing
from charge_points.queries import SessionFacts
from cpms.outbox import Event, subscriber

PAYMENT_TOPICS: Final = (
    "PaymentAuthorized",
    "PaymentActionRequired",
    "PaymentDeclined",
    "PaymentCaptured",
    "PaymentReceivable",
    "PaymentReleased",
    "PaymentDisputed",
    "DisputeClosed",
    "PaymentRefunded",
    "PaymentCorrected",
    "ReceivablePaid",
)
ENDED: Final = "TransactionEnded"
NOT_BEGUN: Final = "No charge began within the start timeout."


def _number(event: Event) -> str:
    return str(event.payload["order_number"])


def _fact(
    event: Event, at: datetime, session: SessionFacts | None = None
) -> progress.Fact:
    return progress.Fact(
        event.payload, event.operator_id, event.created_at, at, session
    )


_CHARGES: Final[dict[str, Callable[[Event, datetime], None]]] = {
    "TransactionStarted": lambda e, at: progress.transaction_started(_fact(e, at)),
    "TransactionOrderAttached": lambda e, at: progress.transaction_started(
        _fact(e, at)
    ),
    "TransactionCorrected": lambda e, at: progress.transaction_corrected(_fact(e, at)),
    "Unplugged": lambda e, at: progress.unplugged(_fact(e, at)),
    "StartFailed": lambda e, at: progress.start_failed(
        _number(e), reason=str(e.payload.get("reason") or "start refused"), at=at
    ),
    "StartTimedOut": lambda e, at: progress.start_failed(
        _number(e), reason=NOT_BEGUN, at=at
    ),
}


@subscriber("billing.payments", topics=PAYMENT_TOPICS, queue="billing")
def on_payment(events: list[Event]) -> None:
    """Payments moved."""
    numbers = {_number(event) for event in events}
    paying.payments_changed(numbers, at=timezone.now())


@subscriber("billing.credit_notes", topics=["PaymentRefunded"], queue="billing")
def on_refund(events: list[Event]) -> None:
    """What went back of a receipt gets a document of its own.

    The documents of a corrected bill were written before its money moved.
    """
    wanted = [e for e in events if e.payload.get("correction_id") is None]
    # Before the first number is drawn, which keeps others of the operator waiting.
    moves.lock_many({_number(event) for event in wanted})
    for event in sorted(wanted, key=lambda event: (event.operator_id or 0, event.id)):
        credit_notes.issue(
            order_number=_number(event),
            refund_id=int(event.payload["refund_id"]),
            amount_minor=int(event.payload["amount_minor"]),
            reason=str(event.payload.get("reason") or ""),
            at=timezone.now(),
        )


@subscriber("billing.evidence", topics=["PaymentDisputed"], queue="billing")
def on_dispute(events: list[Event]) -> None:
    """What shows that the charge took place, before anybody has to ask."""
    for event in events:
        evidence.gather(
            order_number=_number(event), dispute_id=int(event.payload["dispute_id"])
        )


@subscriber(
    "billing.receipt_mail",
    topics=["ReceiptReady", "ReceiptCorrected", mailing.MAIL_WANTED],
    queue="notifications",
    transactional=False,
)
def on_receipt(event: Event) -> None:
    """The receipt goes to the driver, or to the address that a guest gave."""
    receipt_id = event.payload.get("receipt_id")
    mailing.send_receipt(_number(event), receipt_id=receipt_id, at=timezone.now())


@subscriber("billing.charges", topics=[*_CHARGES, ENDED], queue="billing")
def on_charge(events: list[Event]) -> None:
    """Facts about charges; the ends are many and priced from facts read together."""
    ended = [event.payload for event in events if event.topic == ENDED]
    sessions = progress.sessions_of(ended) if ended else {}
    progress.lock_orders([event.payload for event in events])
    with receipts.numbered_last():
        for event in events:
            at = timezone.now()
            if event.topic == ENDED:
                session = sessions.get(int(event.payload["transaction_id"]))
                progress.transaction_ended(_fact(event, at, session))
            else:
                _CHARGES[event.topic](event, at)


@subscriber("billing.payment_methods", topics=["PaymentMethodSaved"], queue="billing")
def on_payment_method(events: list[Event]) -> None:
    """A driver can pay now: its tokens are let in again."""
    for driver_id in sorted({int(event.payload["driver_id"]) for event in events}):
        paying.set_can_pay(driver_id, can_pay=True, at=timezone.now())


@subscriber("billing.payees", topics=["PayeeAccountChanged"], queue="billing")
def on_payee_account(events: list[Event]) -> None:
    """What an operator's account may do changed: its stations let drivers in or not."""
    changed = {event.operator_id for event in events if event.operator_id is not None}
    payability.refresh(at=timezone.now(), operator_ids=sorted(changed))
