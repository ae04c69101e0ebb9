"""Refunds that follow corrected bills: asked for, counted, stopped when refused."""

from datetime import datetime

from django.db.models import F, Sum

from cpms.outbox import publish
from settlement import events
from settlement.models import Correction, Payment, PaymentAttempt, Refund
from settlement.services.moves import queue_attempt


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


def stop(correction_id: int, note: str, at: datetime) -> None:
    """Asking again by itself could pay twice, or be refused for ever."""
    row = Correction.objects.select_for_update().get(pk=correction_id)
    row.state, row.note, row.finished_at = Correction.State.STUCK, note[:200], at
    row.save()
    tell(row)


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
