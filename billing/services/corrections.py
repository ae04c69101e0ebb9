"""Late facts: what is known of a charge only after it was priced changes its bill.

Nothing that was issued is changed. The last CDR gets a credit CDR and a new one; the
receipt, when there is one, a credit note over what is left of it and a new receipt with
a number of its own; the difference goes to settlement, which moves the money. Receipts
minus credit notes are always what the driver paid and owes.

Who decides (docs/adr/0013): the facts themselves, unless a person must look first, at
meters that cannot be believed and at more money than the driver was told of.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from billing.models import Cdr, Order, Receipt
from billing.models.order_states import OrderState, PaymentState
from billing.pricing import PricedSession, Session, parse_tariff
from billing.services import moves, notices, pay_links, rating, receipts
from billing.services.cdr_json import credit_json, credit_taxes, taxes_json
from billing.services.documents import credit_notes
from charge_points.queries import SessionFacts
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor
from settlement.queries import refunds_of_order
from settlement.services import corrections as payments_corrections

REASON_CHARS_MAX: Final = 300
BILLED: Final = (OrderState.RATED, OrderState.CLOSED)
"""Before these late facts are simply used."""


class UnableToCorrectBill(DomainError):
    """A refund is on its way, so nobody knows yet what is left of the receipt."""


@dataclass(frozen=True, slots=True)
class _Bill:
    """The charge as it is known now, and what it costs."""

    facts: SessionFacts
    session: Session
    priced: PricedSession


@dataclass(frozen=True, slots=True)
class _Change:
    """A CDR, its credit and the one that takes its place."""

    before: Cdr
    credit: Cdr
    after: Cdr
    cause: moves.Cause


def correct(order: Order, *, at: datetime) -> bool:
    """Let late facts change the bill, or tell the operator why a person must decide.

    Args:
        order: locked; RATED or CLOSED, else nothing happens.
        at: now.

    Returns:
        Whether the bill was changed.

    Raises:
        UnableToCorrectBill: ``refund_in_progress``; ask again later.
    """
    last = _last_cdr(order)
    facts = rating.facts_of(order)
    if last is None or facts is None:
        return False
    try:
        bill = _bill(order, facts, at=at)
    except DomainError as error:
        _hand_over(order, f"cannot be priced: {error.message}", at=at)
        return False
    if _is_same(last, bill):
        order.save()
        return False
    doubt = _doubt(order, last, bill)
    if doubt:
        _hand_over(order, doubt, at=at)
        return False
    _apply(order, last, bill, moves.Cause(credit_notes.LATE, "system", at))
    return True


def decide(order: Order, *, cause: moves.Cause) -> bool:
    """Change the bill as a person decided: what the order says now is believed.

    Args:
        order: locked, RATED or CLOSED, with ``decided_energy_wh`` set as wanted.
        cause: who decided what, and when.

    Returns:
        Whether the bill was changed.

    Raises:
        UnableToCorrectBill: ``refund_in_progress``, or ``not_priced``.
        DomainError: what was decided cannot be priced.
    """
    last = _last_cdr(order)
    facts = rating.facts_of(order)
    if last is None or facts is None:
        raise UnableToCorrectBill("not_priced", "The order was never priced.")
    order.correction_reason = ""
    bill = _bill(order, facts, at=cause.at)
    moves.note(order, cause=cause)
    if _is_same(last, bill):
        order.save()
        return False
    _apply(order, last, bill, cause)
    return True


def _last_cdr(order: Order) -> Cdr | None:
    if order.state not in BILLED:
        return None
    return order.cdrs.filter(credits=None).order_by("-sequence").first()


def _bill(order: Order, facts: SessionFacts, *, at: datetime) -> _Bill:
    rating.take_facts(order, facts)
    session, priced = rating.price(order, facts, parse_tariff(order.tariff), at=at)
    return _Bill(facts, session, priced)


def _is_same(last: Cdr, bill: _Bill) -> bool:
    """Nothing changed: no records, no documents, no money."""
    return (last.amount_minor, last.energy_wh, last.taxes) == (
        bill.priced.total_minor,
        bill.facts.energy_wh,
        taxes_json(bill.priced),
    )


def _doubt(order: Order, last: Cdr, bill: _Bill) -> str:
    """Why a person must look before the bill changes; empty when nobody must."""
    before, now = last.amount_minor, bill.priced.total_minor
    change = (
        f"Late facts would change the price from {format_minor(before, order.currency)}"
        f" to {format_minor(now, order.currency)}"
    )
    measured = order.decided_energy_wh is None
    if measured and bill.facts.review_reason:
        return f"{change}, but: {bill.facts.review_reason}"
    if now <= before:
        return ""
    if order.payment_state == PaymentState.DISPUTED:
        return f"{change}, but the payment is disputed."
    if 0 < order.hold_minor < now:
        hold = format_minor(order.hold_minor, order.currency)
        return f"{change}; the driver was told of {hold} at most."
    return ""


def _hand_over(order: Order, reason: str, *, at: datetime) -> None:
    """The operator decides; the same reason again is no news."""
    reason = reason[:REASON_CHARS_MAX]
    if order.correction_reason == reason:
        return
    order.correction_reason = reason
    # What was measured late is shown when the bill says it.
    order.save(update_fields=["correction_reason"])
    moves.note(order, cause=moves.Cause(reason, "system", at))
    notices.tell(notices.CORRECTION_WAITS, order, reason=reason)


def _apply(order: Order, last: Cdr, bill: _Bill, cause: moves.Cause) -> None:
    receipt = receipts.latest(order)
    if receipt is None or credit_notes.left_of(receipt):
        _check_refunds(order)
    credit = _credit(order, last, at=cause.at)
    after = rating.keep(order, bill.facts, bill.session, bill.priced, at=cause.at)
    order.correction_reason = ""
    order.save()
    change = _Change(last, credit, after, cause)
    before = format_minor(last.amount_minor, order.currency)
    now = format_minor(after.amount_minor, order.currency)
    text = f"bill corrected from {before} to {now}: {cause.text}"
    moves.note(order, cause=moves.Cause(text, cause.actor, cause.at))
    if receipt is None:
        _move_money(order, after.amount_minor - last.amount_minor, change)
        if after.amount_minor == 0:
            # Nothing is asked of the driver any more, so no payment will close it.
            rating.close(order, cause=cause)
        return
    _exchange(order, receipt, change)


def _check_refunds(order: Order) -> None:
    """What went back is known only when every refund has its credit note."""
    noted = set(
        order.credit_notes.filter(refund_id__isnull=False).values_list(
            "refund_id", flat=True
        )
    )
    for refund in refunds_of_order(order.number):
        if refund.correction_id is None and refund.id not in noted:
            raise UnableToCorrectBill(
                "refund_in_progress",
                f"A refund of order {order.number} is on its way; the bill can be "
                "corrected when it is done.",
            )


def _credit(order: Order, last: Cdr, *, at: datetime) -> Cdr:
    return Cdr.objects.create(
        operator_id=order.operator_id,
        order=order,
        sequence=last.sequence + 1,
        credits=last,
        currency=last.currency,
        energy_wh=-last.energy_wh,
        amount_minor=-last.amount_minor,
        rounding_policy=last.rounding_policy,
        ocpi=credit_json(last.ocpi),
        lines=last.lines,
        taxes=credit_taxes(last.taxes),
        meter=last.meter,
        created_at=at,
    )


def _exchange(order: Order, receipt: Receipt, change: _Change) -> None:
    """Credit what is left of the receipt, write the new one, move the difference.

    Refunds before count: of a lower bill the driver gets back only what it has not
    got yet; of a higher one it pays the difference, never what was given back.
    """
    before, now = receipt.body["amount_minor"], change.after.amount_minor
    if (before, receipt.body["taxes"]) == (now, change.after.taxes):
        # Some Wh below the smallest coin: the CDR says them, no money does.
        return
    left = credit_notes.left_of(receipt)
    if before and not left:
        # The charge was given back whole: nothing is left to correct.
        return
    keeps = min(left, now) if now <= before else left + now - before
    at = change.cause.at
    if left:
        credit_notes.of_correction(
            receipt, change.credit, amount_minor=left, reason=change.cause.text, at=at
        )
    new = receipts.replace(receipt, change.after, difference_minor=keeps - left, at=at)
    if now > keeps:
        over = now - keeps
        credit_notes.of_correction(
            new, change.after, amount_minor=over, reason=credit_notes.CARRIED, at=at
        )
    _move_money(order, keeps - left, change)
    more: dict[str, Any] = {}
    if keeps > left:
        more["pay_url"] = pay_links.url_of(order.number)
    notices.tell(
        notices.RECEIPT_CORRECTED,
        order,
        receipt_id=new.pk,
        amount_minor=now,
        difference_minor=keeps - left,
        **more,
    )


def _move_money(order: Order, difference_minor: int, change: _Change) -> None:
    cause = change.cause
    if difference_minor == 0:
        return
    if order.payment_id is None:
        # Nothing was to be paid until now, so nobody was asked to.
        view = rating.owe(order, difference_minor, at=cause.at)
        order.payment_id = view.id
        moves.follow_payment(order, view.state, cause=cause)
        order.save()
        return
    try:
        payments_corrections.request(
            payment_id=order.payment_id,
            difference_minor=difference_minor,
            key=f"cdr-{change.after.sequence}",
            reason=cause.text,
            by=cause.actor,
            at=cause.at,
        )
    except payments_corrections.UnableToCorrect as error:
        raise UnableToCorrectBill(error.code, error.message) from error
