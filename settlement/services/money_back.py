"""A bill that became lower: where the payer gets it back from. All rows are locked."""

from collections.abc import Sequence
from datetime import datetime

from settlement.models import (
    Correction,
    Payment,
    PaymentState,
    Receivable,
    Refund,
)
from settlement.services import captures, correction_refunds, debts, refunds
from settlement.services.correction_steps import (
    NOT_TAKEN,
    Step,
    done,
    is_waiting,
    later,
    never_asked,
    set_due,
)
from settlement.services.moves import move, open_attempt

_S = PaymentState


def step(
    row: Correction,
    payment: Payment,
    owed: Sequence[Receivable],
    holders: Sequence[Payment],
    *,
    at: datetime,
) -> Step:
    """Give back what can be given back now of the rest of a correction.

    Args:
        row: the correction.
        payment: the order's own.
        owed: the debts of it.
        holders: payments of the order that took money, its own first.
        at: now.
    """
    if payment.state in NOT_TAKEN:
        return _of_the_hold(row, payment, at)
    debt = next((each for each in owed if each.state == Receivable.State.OPEN), None)
    if debt is not None:
        return _of_the_debt(row, payment, debt, at)
    return _of_the_captures(row, holders, at)


def _of_the_hold(row: Correction, payment: Payment, at: datetime) -> Step:
    less = row.rest_minor
    due = payment.due_minor or 0
    if due > less and (is_waiting(payment) or never_asked(payment) is not None):
        set_due(payment, due - less, at=at)
        return done(less)
    if due and due <= less and is_waiting(payment):
        payment.due_minor = None
        payment.release_reason = "nothing to pay after a correction"
        payment.save(update_fields=["due_minor", "release_reason"])
        captures.release(payment, at=at)
        return done(due)
    return later("the capture is on its way")


def _of_the_debt(
    row: Correction, payment: Payment, debt: Receivable, at: datetime
) -> Step:
    if debts.is_being_collected(debt):
        return later("the debt is being collected")
    less = min(row.rest_minor, debt.amount_minor)
    debts.change(debt, -less, correction=row, at=at)
    if payment.state == _S.RECEIVABLE:
        # Nothing was captured: what is left of the debt is what is due.
        left = (payment.due_minor or 0) - less
        payment.due_minor = left or None
        if left:
            payment.save(update_fields=["due_minor"])
        else:
            move(payment, _S.RELEASED, cause=f"corrected: {row.reason}", at=at)
    if less == row.rest_minor:
        return done(less)
    return later("the rest goes back from what was captured", less)


def _of_the_captures(row: Correction, holders: Sequence[Payment], at: datetime) -> Step:
    """One refund at a time, so that two answers never cross."""
    if row.refunds.filter(state=Refund.State.PENDING).exists():
        return later("the refund is on its way")
    with_money = [each for each in holders if _left(each)]
    for holder in with_money:
        if holder.state != _S.DISPUTED:
            return _refund(row, holder, at)
        if holder.disputes.filter(closed_at__isnull=True).exists():
            return later("the payer's bank decides about a dispute")
    if with_money:
        return done(0, "the payer's bank had taken everything back")
    return done(0, "nothing was left to give back")


def _left(payment: Payment) -> int:
    return payment.captured_minor - payment.refunded_minor


def _refund(row: Correction, holder: Payment, at: datetime) -> Step:
    if open_attempt(holder) is not None or refunds.on_its_way(holder):
        return later("another refund is on its way")
    amount = min(_left(holder), row.rest_minor)
    correction_refunds.ask(holder, row, amount, at=at)
    return later("the refund is on its way")
