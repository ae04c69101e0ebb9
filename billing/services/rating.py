"""Pricing finished charges: one function from facts to CDR, capture and close."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max

from billing.models import Cdr, Order
from billing.models.order_states import OrderState, PaymentState
from billing.pricing import PricedSession, Session, Tariff, parse_tariff, rate
from billing.services import moves, notices, pay_links, receipts, station_displays
from billing.services.cdr_json import (
    cdr_json,
    lines_json,
    meter_json,
    taxes_json,
)
from billing.services.sessions import charges_parking, session_of, with_energy
from charge_points.queries import SessionFacts, charging_session
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor
from settlement.services import payees, payments, splits

IDLE_CAP: Final = timedelta(hours=12)
"""An order is priced at the latest so long after its charge ended: the idle cap."""

REVIEW_CHARS_MAX: Final = 300
PAID_STATES: Final = frozenset(
    {
        PaymentState.CAPTURED,
        PaymentState.RECEIVABLE,
        PaymentState.PARTLY_REFUNDED,
        PaymentState.REFUNDED,
        PaymentState.DISPUTED,
    }
)
"""Nothing more is to be asked of the payer for the order itself."""


def facts_of(order: Order, known: SessionFacts | None = None) -> SessionFacts | None:
    """The charge as measured, or with the energy that a person decided."""
    if order.transaction_id is None:
        return None
    facts = known or charging_session(order.transaction_id)
    if facts is None or order.decided_energy_wh is None:
        return facts
    return with_energy(facts, order.decided_energy_wh)


def take_facts(order: Order, facts: SessionFacts) -> bool:
    """Take what the charge knows of its end and its unplug; the caller saves.

    Returns:
        Whether there is something to save.
    """
    known = {
        "energy_wh": facts.energy_wh,
        "ended_at": facts.ended_at or order.ended_at,
        "unplugged_at": order.unplugged_at or facts.unplugged_at,
    }
    changed = {name for name, value in known.items() if getattr(order, name) != value}
    for name in changed:
        setattr(order, name, known[name])
    return bool(changed)


def refresh(order: Order) -> None:
    """Show late facts of a charge that is not priced yet."""
    facts = facts_of(order)
    if facts is not None and take_facts(order, facts):
        order.save()


def price(
    order: Order, facts: SessionFacts, tariff: Tariff, *, at: datetime
) -> tuple[Session, PricedSession]:
    """The charge as the engine sees it, and what it costs.

    Raises:
        DomainError: the facts cannot have happened like this.
    """
    session = session_of(facts, until=_idle_ends_at(order, tariff, at=at))
    return session, rate(tariff, session)


def _idle_ends_at(order: Order, tariff: Tariff, *, at: datetime) -> datetime | None:
    """The unplug; while it has not come and idle time costs: now; at most the cap."""
    if order.ended_at is None:
        return None
    ends_at = order.unplugged_at or (at if charges_parking(tariff) else None)
    return None if ends_at is None else min(ends_at, order.ended_at + IDLE_CAP)


def estimate(order: Order, *, at: datetime) -> int:
    """The price so far in minor units, by the same function as the bill."""
    facts = facts_of(order)
    if facts is None:
        return 0
    try:
        _, priced = price(order, facts, parse_tariff(order.tariff), at=at)
    except DomainError:
        # What cannot be priced goes to a person when the charge has ended.
        return 0
    return priced.total_minor


def rate_if_complete(
    order: Order, *, at: datetime, known: SessionFacts | None = None
) -> bool:
    """Price a FINISHED order unless its idle phase still runs and costs something.

    What cannot be priced goes to REVIEW.

    Args:
        order: locked.
        at: now.
        known: the facts of its charge, where the caller has read them already.
    """
    facts = facts_of(order, known)
    if facts is None or facts.ended_at is None:
        return False
    changed = take_facts(order, facts)
    tariff = parse_tariff(order.tariff)
    waits = order.unplugged_at is None and charges_parking(tariff)
    if waits and at < facts.ended_at + IDLE_CAP:
        if changed:
            order.save()
        return False
    try:
        session, priced = price(order, facts, tariff, at=at)
    except DomainError as error:
        order.review_reason = f"cannot be priced: {error.message}"[:REVIEW_CHARS_MAX]
        cause = moves.Cause(order.review_reason, "system", at)
        moves.move(order, OrderState.REVIEW, cause=cause)
        return False
    keep(order, facts, session, priced, at=at)
    text = f"priced: {format_minor(priced.total_minor, order.currency)}"
    cause = moves.Cause(text, "system", at)
    moves.move(order, OrderState.RATED, cause=cause)
    station_displays.show_bill(order, at=at)
    collect(order, cause=cause)
    return True


def keep(
    order: Order,
    facts: SessionFacts,
    session: Session,
    priced: PricedSession,
    *,
    at: datetime,
) -> Cdr:
    """Write the CDR of a price, the order's next one; the caller saves the order."""
    sequence = (order.cdrs.aggregate(last=Max("sequence"))["last"] or 0) + 1
    order.amount_minor = priced.total_minor
    return Cdr.objects.create(
        operator_id=order.operator_id,
        order=order,
        sequence=sequence,
        currency=order.currency,
        energy_wh=facts.energy_wh,
        amount_minor=priced.total_minor,
        rounding_policy=priced.rounding_policy,
        ocpi=cdr_json(order, session, priced, sequence=sequence, at=at),
        lines=lines_json(priced),
        taxes=taxes_json(priced),
        meter=meter_json(facts),
        created_at=at,
    )


def collect(order: Order, *, cause: moves.Cause) -> None:
    """Turn the price of a RATED order into a capture, a release or a receivable.

    Settlement does what is possible: it captures when (or as soon as) the hold
    stands, and books a debt of the driver where no hold does.
    """
    amount = order.amount_minor or 0
    if amount == 0:
        if order.payment_id is not None:
            payments.request_release(
                payment_id=order.payment_id, reason="nothing to pay", at=cause.at
            )
        close(order, cause=cause)
        return
    if order.payment_id is None:
        view = owe(order, amount, at=cause.at)
        order.payment_id = view.id
    else:
        view = payments.request_capture(
            payment_id=order.payment_id, amount_minor=amount, at=cause.at
        )
    moves.follow_payment(order, view.state, cause=cause)
    close_if_paid(order, view.state, cause=cause)


def owe(order: Order, amount_minor: int, *, at: datetime) -> payments.PaymentView:
    """What no hold covers is owed by the driver to the operator, nobody else."""
    return payments.book_receivable(
        operator_id=order.operator_id,
        order_number=order.number,
        currency=order.currency,
        amount_minor=amount_minor,
        driver_id=order.driver_id,
        payee=payees.PayeeSnapshot(**order.payee) if order.payee else None,
        split=splits.SplitSnapshot.from_json(order.split) if order.split else None,
        at=at,
    )


def close_if_paid(order: Order, payment_state: str, *, cause: moves.Cause) -> None:
    """Close a RATED order whose money is taken, or booked as a debt."""
    if payment_state in PAID_STATES:
        close(order, cause=cause)


def close(order: Order, *, cause: moves.Cause) -> None:
    """End the order and give the driver a receipt."""
    moves.move(order, OrderState.CLOSED, cause=cause)
    receipts.issue_of_closed(order, at=cause.at)
    notices.tell(notices.RECEIPT_READY, order, amount_minor=order.amount_minor)
    if order.payment_state == PaymentState.RECEIVABLE:
        notices.tell(
            notices.PAYMENT_FAILED,
            order,
            reason="No payment could be taken for this charge.",
            amount_minor=order.amount_minor,
            pay_url=pay_links.url_of(order.number),
        )
