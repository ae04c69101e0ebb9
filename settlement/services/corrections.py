"""Bills that change after their payment began: the money follows them, once.

Whoever makes bills asks here for a difference in the database transaction that writes
the documents; a worker moves the money afterwards, one step a database transaction:

* lower: off what is not captured yet, then off an open debt, then back from what was
  captured, as a refund with the platform's part of it;
* higher: on top of what is not captured yet (the hold allows what it allows, the rest
  becomes a debt there), else a debt of the driver, collected as any other one.

A step that something else stands in the way of (an answer that is awaited, another
refund, a dispute) is tried again by the sweep. What only a person can decide is
``stuck`` and says why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.outbox import publish
from settlement import events
from settlement.models import Correction, Payment, Receivable
from settlement.services import correction_refunds, money_back, money_on_top, refunds
from settlement.services.correction_steps import NOT_TAKEN, Step, done, later
from settlement.services.moves import locked

SWEEP_MAX: Final = 500
WAIT_FIRST: Final = timedelta(seconds=15)
WAIT_MAX: Final = timedelta(hours=6)

_STATE = Correction.State


class UnableToCorrect(DomainError):
    """The difference is nothing, contradicts an earlier one, or must wait."""


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """A correction as it stands."""

    id: int
    payment_id: int
    difference_minor: int
    moved_minor: int
    currency: str
    state: str
    note: str


@transaction.atomic
def request(
    *,
    payment_id: int,
    difference_minor: int,
    key: str,
    reason: str,
    by: str,
    at: datetime,
) -> CorrectionView:
    """Ask for a difference; once per (payment, key).

    A worker moves the money; while nothing is captured yet, the amount to take is
    changed at once, before a worker asks for it.

    Args:
        payment_id: the order's own payment.
        difference_minor: by how much the bill changed; negative = lower.
        key: of the document that the difference comes from.
        reason: for the audit and the operator's pages.
        by: who changed the bill.
        at: now.

    Raises:
        UnableToCorrect: ``nothing_to_correct``, ``idempotency_key_reused``, or
            ``refund_in_progress``: nobody knows yet what is left to give back.
        UnableToFindPayment: no such payment in the caller's scope.
    """
    if difference_minor == 0:
        raise UnableToCorrect("nothing_to_correct", "The bill is the same as before.")
    payment = locked(payment_id)
    known = Correction.objects.filter(payment=payment, key=key).first()
    if known is not None:
        if known.difference_minor != difference_minor:
            raise UnableToCorrect(
                "idempotency_key_reused",
                f"The key {key!r} was used for {known}; take a new one.",
                http_status=422,
            )
        return _view(known)
    if refunds.waits_for_others(payment.order_number):
        raise UnableToCorrect(
            "refund_in_progress",
            f"A refund of {payment.order_number} waits for the provider; correct the "
            "bill when it is done.",
        )
    row = Correction.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        order_number=payment.order_number,
        key=key,
        difference_minor=difference_minor,
        currency=payment.currency,
        reason=reason[:200],
        requested_by=by,
        next_try_at=at,
        created_at=at,
    )
    over = payment.state in NOT_TAKEN and _take(
        row, _step(row, payment, [], [], at), at
    )
    if not over:
        _wake(row)
    _audit_request(row)
    return _view(row)


def _audit_request(row: Correction) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=row.requested_by,
        action="payment.correction_requested",
        object=f"payment of {row.order_number}",
        changes={"difference_minor": row.difference_minor, "reason": row.reason},
        at=row.created_at,
    )


def _view(row: Correction) -> CorrectionView:
    return CorrectionView(
        row.pk,
        row.payment_id,
        row.difference_minor,
        row.moved_minor,
        row.currency,
        row.state,
        row.note,
    )


def _wake(row: Correction) -> None:
    publish(
        events.CORRECTION_QUEUED,
        operator_id=row.operator_id,
        key=row.order_number,
        payload={"correction_id": row.pk},
    )


@transaction.atomic
def advance(*, correction_id: int, at: datetime) -> bool:
    """Do what can be done of a correction now. Asks nobody; may be called any time.

    Returns:
        Whether it is over (done, or stuck).
    """
    found = Correction.objects.get(pk=correction_id)
    if found.state != _STATE.PENDING:
        return True
    # First of all: what is owed is read when nobody else can open a debt any more.
    payment = locked(found.payment_id)
    debts = list(
        Receivable.objects.select_for_update().filter(payment=payment).order_by("pk")
    )
    holders = _holders(payment)
    row = Correction.objects.select_for_update().get(pk=correction_id)
    if row.state != _STATE.PENDING:
        return True
    while True:
        step = _step(row, payment, debts, holders, at)
        over = _take(row, step, at)
        if over or not step.moved_minor:
            return over


def _holders(payment: Payment) -> list[Payment]:
    """The order's payments that took money, locked: its own, then those of debts."""
    rows = Payment.objects.filter(
        order_number=payment.order_number,
        operator_id=payment.operator_id,
        captured_minor__gt=0,
        # Money that nobody owed goes back by itself.
        unowed_reason="",
    ).order_by("sequence")
    ids = list(rows.values_list("pk", flat=True))
    return [payment if pk == payment.pk else locked(pk) for pk in ids]


def _step(
    row: Correction,
    payment: Payment,
    debts: list[Receivable],
    holders: list[Payment],
    at: datetime,
) -> Step:
    """One after the other: a later difference counts on what the earlier one left."""
    earlier = payment.corrections.filter(state=_STATE.PENDING, pk__lt=row.pk)
    if earlier.exists():
        return later("an earlier correction is on its way")
    if row.rest_minor == 0:
        return done()
    if row.difference_minor > 0:
        return money_on_top.step(row, payment, debts, at=at)
    return money_back.step(row, payment, debts, holders, at=at)


def _take(row: Correction, step: Step, at: datetime) -> bool:
    """Write down what a step came to."""
    row.moved_minor += step.moved_minor
    row.note = step.note[:200]
    if step.state == _STATE.PENDING:
        wait = min(WAIT_FIRST * 2.0 ** min(row.tries, 20), WAIT_MAX)
        row.tries = min(row.tries + 1, 1000)
        row.next_try_at = at + wait
        row.save()
        return False
    row.state, row.finished_at = step.state, at
    row.save()
    correction_refunds.tell(row)
    return True


def sweep(*, at: datetime) -> int:
    """Go on with corrections whose time has come; returns how many came to an end."""
    rows = Correction.objects.filter(state=_STATE.PENDING, next_try_at__lte=at)
    ids = rows.order_by("next_try_at").values_list("pk", flat=True)[:SWEEP_MAX]
    return sum(advance(correction_id=pk, at=at) for pk in list(ids))


@transaction.atomic
def try_again(*, correction_id: int, by: str, at: datetime) -> None:
    """Let a stuck correction go on: a person has looked at why it stopped.

    Raises:
        UnableToCorrect: ``not_stuck``.
    """
    row = Correction.objects.select_for_update().filter(pk=correction_id).first()
    if row is None or row.state != _STATE.STUCK:
        raise UnableToCorrect(
            "not_stuck", f"There is no stuck correction {correction_id} here."
        )
    row.state, row.finished_at, row.next_try_at = _STATE.PENDING, None, at
    row.tries = 0
    row.save()
    _wake(row)
    _audit_decision(row, "payment.correction_tried_again", by, at)


@transaction.atomic
def settle_elsewhere(*, correction_id: int, note: str, by: str, at: datetime) -> None:
    """End a stuck correction: a person settled the rest another way.

    Raises:
        UnableToCorrect: ``not_stuck``.
    """
    row = Correction.objects.select_for_update().filter(pk=correction_id).first()
    if row is None or row.state != _STATE.STUCK:
        raise UnableToCorrect(
            "not_stuck", f"There is no stuck correction {correction_id} here."
        )
    row.state, row.finished_at = _STATE.DONE, at
    row.note = f"settled elsewhere: {note}"[:200]
    row.save()
    _audit_decision(row, "payment.correction_settled_elsewhere", by, at)


def _audit_decision(row: Correction, action: str, by: str, at: datetime) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action=action,
        object=f"correction {row.pk} of {row.order_number}",
        changes={"rest_minor": row.rest_minor, "note": row.note},
        at=at,
    )
