"""Money that arrives on a payment which we gave up.

A page that was paid in the moment in which it was closed, a capture that somebody made
in the provider's own pages, an event that comes days late: the money is on the
operator's account, whatever we decided before. It gets a payment row of its own, so
that what was told of the first one stays true, and either pays the debt for which it
came or goes back to the payer by itself. Nothing of it is lost, and nothing kept twice.

All functions work on a locked payment row.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max, QuerySet

from cpms.accounts.services import audit
from settlement.models import Payment, PaymentState, Receivable, Refund
from settlement.models.payment_states import WAITING_STATES
from settlement.providers.base import ProviderPayment
from settlement.services import captures, refunds
from settlement.services.moves import entered, locked, open_attempt

BY: Final = "late money"
GIVE_BACK_MAX: Final = 5
"""Refunds that are asked for by themselves; then the operator has to pay it back."""
GIVE_BACK_AGAIN_AFTER: Final = timedelta(days=1)
SWEEP_MAX: Final = 200

_S = PaymentState
_OPEN = Receivable.State.OPEN
_LIVE: Final = (_S.AUTHORIZED, _S.CAPTURING)


def noted(payment: Payment, known: ProviderPayment) -> Payment | None:
    """The row that holds this money already, when it is another one; locked."""
    if payment.provider_ref:
        return None
    return (
        Payment.objects.select_for_update()
        .filter(
            provider=payment.provider,
            account_reference=payment.account_reference,
            provider_ref=known.ref,
        )
        .exclude(pk=payment.pk)
        .first()
    )


def arrived(
    payment: Payment, known: ProviderPayment, *, cause: str, at: datetime
) -> bool:
    """Book money that came although the payment was given up.

    It pays the debt that is still open, when it is as much as is owed and nobody else
    is taking it; else it is booked and refunded at once.

    Returns:
        Always True: something changed.
    """
    debt = _debt_of(payment)
    reason = _why_unowed(payment, debt, known)
    if debt is not None and not reason:
        _supersede(debt, payment, at)
    row = _row_of_its_own(payment, known, None if reason else debt, reason, at)
    captures.captured(
        row,
        amount_minor=known.amount_received_minor,
        fee_minor=known.application_fee_minor,
        cause=f"{cause}, late",
        at=at,
    )
    audit.record(
        operator_id=payment.operator_id,
        actor=BY,
        action="payment.late_money",
        object=f"payment {row.sequence} of {row.order_number}",
        changes={
            "amount_minor": row.captured_minor,
            "currency": row.currency,
            "given_up": f"payment {payment.sequence}, {payment.state}",
            "answer": f"refunded: {reason}" if reason else "pays the debt",
        },
        at=at,
    )
    if known.amount_refunded_minor:
        refunds.made_elsewhere(
            row, refunded_total_minor=known.amount_refunded_minor, at=at
        )
    if reason and row.refunded_minor < row.captured_minor:
        give_back(row, at=at)
    return True


def require_owed(payment: Payment) -> None:
    """Before a capture is booked: what nobody owes any more is not a debt's money."""
    if payment.collects_id is None:
        return
    debt = Receivable.objects.select_for_update().get(pk=payment.collects_id)
    if debt.state != _OPEN:
        _detach(payment, f"the debt is {debt.get_state_display().lower()} already")


def give_back(payment: Payment, *, at: datetime) -> None:
    """Have money that nobody owes refunded, the platform's fee with it."""
    number = payment.refunds.count() + 1
    refunds.request_refund(
        payment_id=payment.pk,
        amount_minor=None,
        reason=f"not owed: {payment.unowed_reason}",
        refund_application_fee=True,
        key=f"unowed-{number}",
        by=BY,
        at=at,
    )


def not_given_back() -> QuerySet[Payment]:
    """Payments with money that nobody owes and that is still there."""
    rows = Payment.objects.filter(state__in=[_S.CAPTURED, _S.PARTLY_REFUNDED])
    return rows.exclude(unowed_reason="")


def sweep(*, at: datetime) -> int:
    """Ask again for refunds of unowed money that failed; returns how many."""
    rows = (
        not_given_back()
        .exclude(refunds__state=Refund.State.PENDING)
        .exclude(refunds__created_at__gt=at - GIVE_BACK_AGAIN_AFTER)
        .order_by("pk")
    )
    return sum(
        _give_back_again(pk, at) for pk in rows.values_list("pk", flat=True)[:SWEEP_MAX]
    )


@transaction.atomic
def _give_back_again(payment_id: int, at: datetime) -> bool:
    payment = locked(payment_id)
    tried = payment.refunds.filter(requested_by=BY).count()
    if tried >= GIVE_BACK_MAX or open_attempt(payment) is not None:
        return False
    give_back(payment, at=at)
    return True


def _debt_of(payment: Payment) -> Receivable | None:
    rows = Receivable.objects.select_for_update()
    if payment.collects_id is not None:
        return rows.get(pk=payment.collects_id)
    mine = rows.filter(payment=payment)
    return mine.filter(state=_OPEN).first() or mine.order_by("-pk").first()


def _why_unowed(
    payment: Payment, debt: Receivable | None, known: ProviderPayment
) -> str:
    """Why the money has to go back; empty: it pays the debt."""
    if debt is None:
        return f"the payment was {payment.state.lower()} and nothing is owed"
    if debt.state != _OPEN:
        return f"the debt is {debt.get_state_display().lower()} already"
    came = known.amount_received_minor
    if (came, known.currency) != (debt.amount_minor, debt.currency):
        return (
            f"{debt.amount_minor} {debt.currency} is owed, {came} {known.currency} came"
        )
    if Payment.objects.filter(collects=debt, state__in=_LIVE).exists():
        return "another payment is taking the debt"
    return ""


def _supersede(debt: Receivable, payment: Payment, at: datetime) -> None:
    """Nobody has to pay the debt any more: pages for it that are open are closed."""
    waiting = (
        Payment.objects.select_for_update()
        .filter(collects=debt, state__in=WAITING_STATES)
        .exclude(pk=payment.pk)
    )
    for other in waiting:
        _detach(other, f"payment {payment.sequence} paid the debt, late")
        other.release_reason = "the debt is paid"
        other.save(update_fields=["release_reason"])
        captures.release(other, at=at)


def _detach(payment: Payment, reason: str) -> None:
    """What still comes of this payment pays nothing; it goes back."""
    payment.collects, payment.due_minor = None, None
    payment.unowed_reason = reason
    payment.save(update_fields=["collects", "due_minor", "unowed_reason"])


def _row_of_its_own(
    payment: Payment,
    known: ProviderPayment,
    debt: Receivable | None,
    reason: str,
    at: datetime,
) -> Payment:
    charge_ref = known.charge_ref or payment.charge_ref
    payment.provider_ref, payment.charge_ref = "", ""
    payment.save(update_fields=["provider_ref", "charge_ref"])
    rows = Payment.objects.filter(order_number=payment.order_number)
    row = Payment.objects.create(
        operator_id=payment.operator_id,
        order_number=payment.order_number,
        sequence=rows.aggregate(latest=Max("sequence"))["latest"] + 1,
        driver_id=payment.driver_id,
        state=_S.CAPTURING,
        currency=known.currency,
        payee_account_id=payment.payee_account_id,
        provider=payment.provider,
        account_reference=payment.account_reference,
        mode=payment.mode,
        split=payment.split,
        off_session=payment.off_session,
        provider_ref=known.ref,
        charge_ref=charge_ref,
        hold_minor=known.amount_minor,
        due_minor=debt.amount_minor if debt is not None else None,
        collects=debt,
        unowed_reason=reason[:200],
        created_at=at,
        moved_at=at,
    )
    entered(row, cause=f"money came on payment {payment.sequence}, late", at=at)
    return row
