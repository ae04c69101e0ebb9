"""Debts of drivers: booked when no money could be taken, closed when it was."""

from datetime import datetime, timedelta
from typing import Final

from cpms.outbox import publish
from settlement import events
from settlement.models import Correction, Payment, PaymentState, Receivable
from settlement.services import ledger, postings
from settlement.services.moves import locked, move, tell

FIRST_COLLECTION_AFTER: Final = timedelta(hours=12)


def book(payment: Payment, amount_minor: int, *, reason: str, at: datetime) -> None:
    """Open the debt of a locked payment and post it."""
    debt = Receivable.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        driver_id=payment.driver_id,
        order_number=payment.order_number,
        amount_minor=amount_minor,
        currency=payment.currency,
        reason=reason[:200],
        next_try_at=at + FIRST_COLLECTION_AFTER,
        opened_at=at,
    )
    ledger.post_many([postings.of_receivable(debt, at)])


def is_being_collected(debt: Receivable) -> bool:
    """Whether a payment is on its way that takes what the debt says now."""
    over = (PaymentState.DECLINED, PaymentState.RELEASED, PaymentState.RECEIVABLE)
    return debt.collections.exclude(state__in=over).exists()


def change(
    debt: Receivable, by_minor: int, *, correction: Correction, at: datetime
) -> None:
    """Raise or lower an open, locked debt as a corrected bill says; post it.

    What is corrected to nothing is closed; its amount stays as it was.
    """
    left = debt.amount_minor + by_minor
    if left:
        debt.amount_minor = left
    else:
        debt.state, debt.closed_at = Receivable.State.CORRECTED, at
        debt.next_try_at = None
    debt.save()
    ledger.post_many([postings.of_debt_change(debt, by_minor, correction, at)])


def tell_receivable(payment: Payment, amount_minor: int, *, reason: str) -> None:
    """Publish that nothing could be taken."""
    tell(events.PAYMENT_RECEIVABLE, payment, amount_minor=amount_minor, reason=reason)


def fall_due(payment: Payment, *, reason: str, at: datetime) -> None:
    """Everything that a locked payment should have taken becomes a debt."""
    due = payment.due_minor or 0
    move(payment, PaymentState.RECEIVABLE, cause=reason, at=at)
    book(payment, due, reason=reason, at=at)
    tell_receivable(payment, due, reason=reason)


def paid(collection: Payment, *, at: datetime) -> None:
    """A collecting payment was captured: close the debt, and the order's payment."""
    debt = Receivable.objects.select_for_update().get(collections=collection)
    debt.state, debt.closed_at, debt.next_try_at = Receivable.State.PAID, at, None
    debt.save()
    owing = locked(debt.payment_id)
    if owing.state == PaymentState.RECEIVABLE:
        move(owing, PaymentState.CAPTURED, cause="the debt was collected", at=at)
    publish(
        events.RECEIVABLE_PAID,
        operator_id=debt.operator_id,
        key=debt.order_number,
        payload={
            "receivable_id": debt.pk,
            "payment_id": owing.pk,
            "order_number": debt.order_number,
            "amount_minor": debt.amount_minor,
            "currency": debt.currency,
        },
    )


def tell_pay_link(collection: Payment, url: str) -> None:
    """Publish where a debt can be paid, when the payment is one that collects it."""
    if collection.collects_id is None:
        return
    debt = Receivable.objects.get(pk=collection.collects_id)
    publish(
        events.PAY_LINK_READY,
        operator_id=debt.operator_id,
        key=debt.order_number,
        payload={
            "receivable_id": debt.pk,
            "order_number": debt.order_number,
            "amount_minor": debt.amount_minor,
            "currency": debt.currency,
            "url": url,
        },
    )
