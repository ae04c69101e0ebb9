"""Moving a payment, asking the provider later, and telling others about it."""

from datetime import datetime
from typing import Any, ClassVar, Final

from django.db.models import Q, QuerySet, Subquery

from cpms.kernel.errors import DomainError
from cpms.outbox import publish
from settlement import events
from settlement.models import (
    PAYMENT_STATES,
    Payment,
    PaymentAttempt,
    PaymentMove,
    PaymentState,
    Refund,
)
from settlement.models.payment_attempt import OPEN_STATES

CAUSE_CHARS_MAX: Final = 200


class UnableToFindPayment(DomainError):
    """There is no such payment, or it is another operator's."""

    http_status: ClassVar[int] = 404


def locked(payment_id: int) -> Payment:
    """The payment's row, locked: the lock also guards its attempts and refunds.

    The order's own payment is locked before it (``locked_with_own``).

    Raises:
        UnableToFindPayment: no such row in the caller's scope.
    """
    row = locked_with_own(Payment.objects.filter(pk=payment_id))
    if row is None:
        raise UnableToFindPayment(
            "unknown_payment", f"There is no payment {payment_id} here."
        )
    return row


def locked_with_own(wanted: QuerySet[Payment]) -> Payment | None:
    """Lock a payment, and before it the own payment of its order.

    So the order's own payment (sequence 1) is the one lock of all money of an order:
    whoever holds it may lock its debts, collections, corrections and disputes in any
    order (docs/explanation/money.md).

    Args:
        wanted: finds it; of several payments of an order the first is meant.
    """
    # Nearly always it is the own one, which needs no look at its order.
    own = wanted.filter(sequence=1).select_for_update(of=("self",))
    for payment in own[:1]:
        return payment
    first = wanted.order_by("sequence")
    of_order = Payment.objects.select_for_update().filter(
        order_number=Subquery(first.values("order_number")[:1])
    )
    rows = of_order.filter(Q(sequence=1) | Q(pk__in=first.values("pk")[:1]))
    # PostgreSQL locks them as they are sorted; the wanted one is the own one or later.
    found = list(rows.order_by("sequence"))
    return found[-1] if found else None


def locked_attempt(attempt_id: int) -> PaymentAttempt:
    """A question as it is once its payment's row (``.payment``) is locked.

    Two statements: whoever holds the payment may change the question meanwhile, and one
    that locked both would take them in the other order than everybody else.

    Raises:
        UnableToFindPayment: no such attempt in the caller's scope.
    """
    payment = locked_with_own(Payment.objects.filter(attempts__pk=attempt_id))
    if payment is None:
        raise UnableToFindPayment(
            "unknown_payment", f"There is no attempt {attempt_id} here."
        )
    attempt = PaymentAttempt.objects.select_related("refund").get(pk=attempt_id)
    attempt.payment = payment
    return attempt


def move(payment: Payment, wanted: PaymentState, *, cause: str, at: datetime) -> None:
    """Move a locked payment, save it, and write the audit row.

    Raises:
        IllegalMove: the table has no such move; nothing is changed.
    """
    before = payment.state
    PAYMENT_STATES.require(before, wanted)
    payment.state, payment.moved_at = wanted, at
    payment.save()
    _audit(payment, before, cause, at)


def entered(payment: Payment, *, cause: str, at: datetime) -> None:
    """Write the audit row of a new payment."""
    _audit(payment, "", cause, at)


def _audit(payment: Payment, before: str, cause: str, at: datetime) -> None:
    PaymentMove.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        from_state=before,
        to_state=payment.state,
        cause=cause[:CAUSE_CHARS_MAX],
        at=at,
    )


def tell(topic: str, payment: Payment, **payload: Any) -> None:
    """Publish a fact about an order's payment, in the database transaction of the fact.

    Collecting a debt later is settlement's own work: others hear ``ReceivablePaid``.
    So is money that nobody owes: it is no order's.
    """
    if payment.collects_id is not None or payment.unowed_reason:
        return
    publish(
        topic,
        operator_id=payment.operator_id,
        key=payment.order_number,
        payload={
            "payment_id": payment.pk,
            "order_number": payment.order_number,
            "currency": payment.currency,
            **payload,
        },
    )


def open_attempt(payment: Payment) -> PaymentAttempt | None:
    """The question to the provider that has no answer yet; at most one."""
    return payment.attempts.filter(state__in=OPEN_STATES).first()


def queue_attempt(  # noqa: PLR0913 - the fields of one row, all named
    payment: Payment,
    kind: PaymentAttempt.Kind,
    *,
    at: datetime,
    amount_minor: int = 0,
    application_fee_minor: int = 0,
    refund: Refund | None = None,
    not_before: datetime | None = None,
) -> PaymentAttempt:
    """Write down what to ask the provider, and wake a worker.

    The idempotency key comes from our row, so that a new row is a new question and
    the same row, whoever asks it and how often, is the same one.
    """
    number = payment.attempts.filter(kind=kind).count() + 1
    attempt = PaymentAttempt.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        kind=kind,
        number=number,
        refund=refund,
        amount_minor=amount_minor,
        application_fee_minor=application_fee_minor,
        idempotency_key=f"{payment.order_number}-{payment.sequence}-{kind}-{number}",
        next_try_at=not_before or at,
        created_at=at,
    )
    wake(attempt)
    return attempt


def wake(attempt: PaymentAttempt) -> None:
    """Put an attempt into the outbox."""
    publish(
        events.ATTEMPT_QUEUED,
        operator_id=attempt.operator_id,
        key=attempt.idempotency_key,
        payload={"attempt_id": attempt.pk},
    )
