"""Refunds that follow corrected bills: asked for, counted, stopped when refused."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Sum

from cpms.outbox import publish
from settlement import events
from settlement.models import Correction, Payment, PaymentAttempt, Refund
from settlement.services.moves import queue_attempt

NOTE_CHARS_MAX: Final = 200
DISPUTED: Final = "charge_disputed"
"""The provider's code while the payer's bank has the money."""
DISPUTED_AGAIN: Final = timedelta(hours=1)
DISPUTED_REFUNDS_MAX: Final = 5
"""Refused so often for a dispute that nobody tells us of, a person has to look."""
_TODO_ELSE: Final = (
    "Give it back once more, or pay it back another way and say so here."
)
_TODO: Final = {
    DISPUTED: (
        "It was charged back and cannot be refunded. Pay it back another way and say "
        "so here."
    ),
    "charge_already_refunded": (
        "If the provider's pages show this refund, say here that it is settled."
    ),
    "provider_unreachable": (
        "If the provider's pages show no such refund, give it back once more."
    ),
}
"""By the provider's code: what only a person can do, in the words of the console."""


def promised(payment: Payment) -> int:
    """What corrected bills will still give back of the order, in minor units."""
    rows = Correction.objects.filter(
        order_number=payment.order_number,
        operator_id=payment.operator_id,
        state=Correction.State.PENDING,
        difference_minor__lt=0,
    )
    rest = rows.aggregate(total=Sum(-F("difference_minor") - F("moved_minor")))
    return rest["total"] or 0


def ask(
    payment: Payment, correction: Correction, amount_minor: int, *, at: datetime
) -> Refund:
    """Ask for the refund of a locked correction, with the platform's part of it.

    A refund that the provider refused is no longer asked for; the next is a new one.
    """
    number = correction.refunds.count() + 1
    refund = Refund.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        correction=correction,
        key=f"correction-{correction.pk}-{number}",
        amount_minor=amount_minor,
        currency=payment.currency,
        reason=correction.reason,
        refund_application_fee=True,
        requested_by=correction.requested_by,
        created_at=at,
    )
    queue_attempt(
        payment,
        PaymentAttempt.Kind.REFUND,
        at=at,
        amount_minor=amount_minor,
        refund=refund,
    )
    return refund


def went_back(correction_id: int, amount_minor: int, at: datetime) -> None:
    """Count what went back, and let the correction go on at once."""
    row = Correction.objects.select_for_update().get(pk=correction_id)
    row.moved_minor += amount_minor
    row.next_try_at, row.tries = at, 0
    row.save()
    publish(
        events.CORRECTION_QUEUED,
        operator_id=row.operator_id,
        key=row.order_number,
        payload={"correction_id": row.pk},
    )


def failed(
    payment: Payment, correction_id: int, *, code: str, message: str, at: datetime
) -> None:
    """Its refund was refused; the payment is locked.

    A dispute that is on its way is waited for. Else it stops: asking again by itself
    could pay twice, or be refused for ever. The note says why, and what the person who
    reads it has to do.
    """
    row = Correction.objects.select_for_update().get(pk=correction_id)
    if code == DISPUTED and _dispute_goes_on(payment, row):
        row.note, row.next_try_at = "the payer's bank disputes it", at + DISPUTED_AGAIN
        row.save()
        return
    why = f"the refund failed ({code}): {message}"
    todo = _TODO.get(code, _TODO_ELSE)
    row.note = f"{why[: NOTE_CHARS_MAX - len(todo) - 1]} {todo}"
    row.state, row.finished_at = Correction.State.STUCK, at
    row.save()
    tell(row)


def _dispute_goes_on(payment: Payment, row: Correction) -> bool:
    """Whether the bank still decides, or we have not even heard of its dispute yet."""
    known = payment.disputes.all()
    if known.exists():
        return known.filter(closed_at__isnull=True).exists()
    return row.refunds.count() < DISPUTED_REFUNDS_MAX


def tell(row: Correction) -> None:
    """Publish that a correction came to its end, or to a person."""
    publish(
        events.PAYMENT_CORRECTED,
        operator_id=row.operator_id,
        key=row.order_number,
        payload={
            "payment_id": row.payment_id,
            "order_number": row.order_number,
            "currency": row.currency,
            "correction_id": row.pk,
            "difference_minor": row.difference_minor,
            "moved_minor": row.moved_minor,
            "stuck": row.state == Correction.State.STUCK,
            "note": row.note,
        },
    )
