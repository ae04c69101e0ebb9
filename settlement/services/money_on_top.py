"""A bill that became higher: what the payer pays on top. All rows are locked."""

from collections.abc import Sequence
from datetime import datetime

from settlement.models import Correction, Payment, PaymentState, Receivable
from settlement.services import debts
from settlement.services.correction_steps import (
    NOT_TAKEN,
    Step,
    done,
    later,
    set_due,
)

_S = PaymentState


def step(
    row: Correction, payment: Payment, owed: Sequence[Receivable], *, at: datetime
) -> Step:
    """Ask the payer for the rest of a correction."""
    more = row.rest_minor
    if payment.state in NOT_TAKEN:
        set_due(payment, (payment.due_minor or 0) + more, at=at)
        return done(more)
    if payment.state in {_S.RELEASED, _S.DECLINED}:
        payment.due_minor = more
        debts.fall_due(payment, reason=row.reason, at=at)
        return done(more)
    debt = next((each for each in owed if each.state == Receivable.State.OPEN), None)
    if debt is None:
        debts.book(payment, more, reason=row.reason, at=at)
        return done(more)
    if debts.is_being_collected(debt):
        return later("the debt is being collected")
    debts.change(debt, more, correction=row, at=at)
    return done(more)
