"""Pricing finished charges: one function from facts to CDR, capture and close."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Max

from billing.models import Cdr, Order
from billing.models.order_states import OrderState, PaymentState
from billing.pricing import (
    ChargingPeriod,
    PricedSession,
    Session,
    Tariff,
    parse_tariff,
    rate,
)
from billing.pricing.session import State
from billing.services import moves, receipts
from billing.services.cdr_json import cdr_json, lines_json
from charge_points.queries import SessionFacts, charging_session
from settlement.services import payees, payments, splits

IDLE_CAP: Final = timedelta(hours=12)
"""An order is priced at the latest so long after its charge ended: the idle cap."""


def session_of(facts: SessionFacts, *, until: datetime | None = None) -> Session:
    """The pricing engine's view of a charge.

    Args:
        facts: measured periods of the charge.
        until: end of the idle phase (unplug); parking is added up to it.
    """
    periods = [
        ChargingPeriod(
            state=State(period.state),
            starts_at=period.starts_at,
            ends_at=period.ends_at,
            energy_wh=period.energy_wh,
            current_a=period.current_a,
            power_kw=(
                None if period.power_w is None else Decimal(period.power_w) / 1000
            ),
        )
        for period in facts.periods
    ]
    if not periods:
        end = max(facts.ended_at or facts.started_at, facts.started_at)
        periods = [
            ChargingPeriod(State.CHARGING, facts.started_at, end, facts.energy_wh)
        ]
    last = periods[-1].ends_at
    if until is not None and until > last:
        periods.append(
            ChargingPeriod(state=State.PARKING, starts_at=last, ends_at=until)
        )
    return Session(periods=tuple(periods), time_zone=facts.time_zone)


def _charges_parking(tariff: Tariff) -> bool:
    return any(
        component.type == "PARKING_TIME"
        for element in tariff.elements
        for component in element.price_components
    )


def rate_if_complete(order: Order, *, at: datetime) -> bool:
    """Price a FINISHED order unless its idle phase still runs and costs something."""
    if order.ended_at is None:
        return False
    tariff = parse_tariff(order.tariff)
    waits = (
        order.unplugged_at is None
        and _charges_parking(tariff)
        and at < order.ended_at + IDLE_CAP
    )
    if waits:
        return False
    facts = charging_session(order.transaction_id or 0)
    if facts is None:
        return False
    until = order.unplugged_at or (
        order.ended_at + IDLE_CAP if _charges_parking(tariff) else None
    )
    if until is not None:
        until = min(until, order.ended_at + IDLE_CAP)
    priced = rate(tariff, session_of(facts, until=until))
    _keep(order, facts, priced, at=at)
    cause = moves.Cause(
        f"priced: {priced.total_minor} {order.currency} minor units", "system", at
    )
    moves.move(order, OrderState.RATED, cause=cause)
    collect(order, cause=cause)
    return True


def _keep(
    order: Order, facts: SessionFacts, priced: PricedSession, *, at: datetime
) -> Cdr:
    sequence = (order.cdrs.aggregate(last=Max("sequence"))["last"] or 0) + 1
    order.amount_minor = priced.total_minor
    order.energy_wh = facts.energy_wh
    return Cdr.objects.create(
        operator_id=order.operator_id,
        order=order,
        sequence=sequence,
        currency=order.currency,
        energy_wh=facts.energy_wh,
        amount_minor=priced.total_minor,
        rounding_policy=priced.rounding_policy,
        ocpi=cdr_json(order, facts, priced, sequence=sequence, at=at),
        lines=lines_json(priced),
        created_at=at,
    )


def collect(order: Order, *, cause: moves.Cause) -> None:
    """Turn the price of a RATED order into a capture, a release or a receivable."""
    amount = order.amount_minor or 0
    if amount == 0:
        if order.payment_id is not None:
            payments.request_release(
                payment_id=order.payment_id, reason="nothing to pay", at=cause.at
            )
        close(order, cause=cause)
        return
    state = order.payment_state
    if order.payment_id is not None and state == PaymentState.AUTHORIZED:
        payments.request_capture(
            payment_id=order.payment_id, amount_minor=amount, at=cause.at
        )
        moves.move_payment(order, PaymentState.CAPTURING, cause=cause)
    elif order.payment_id is None or state == PaymentState.DECLINED:
        _receivable(order, amount, cause=cause)
    # AUTHORIZING, REQUIRES_ACTION: the answer is on its way and comes back here.


def _receivable(order: Order, amount_minor: int, *, cause: moves.Cause) -> None:
    """What could not be taken is owed by the driver to the operator, nobody else."""
    view = payments.book_receivable(
        operator_id=order.operator_id,
        order_number=order.number,
        currency=order.currency,
        amount_minor=amount_minor,
        driver_id=order.driver_id,
        payee=payees.PayeeSnapshot(**order.payee) if order.payee else None,
        split=splits.SplitSnapshot.from_json(order.split) if order.split else None,
        at=cause.at,
    )
    order.payment_id = view.id
    moves.move_payment(order, PaymentState.RECEIVABLE, cause=cause)
    close(order, cause=cause)


def close(order: Order, *, cause: moves.Cause) -> None:
    """End the order and give the driver a receipt."""
    moves.move(order, OrderState.CLOSED, cause=cause)
    receipts.issue(order, at=cause.at)


def correct(order: Order, *, at: datetime) -> bool:
    """Late facts: credit the last CDR and write a new one when the price changed.

    Returns:
        Whether anything changed. A changed amount of a captured order goes to the
        operator's work list (audit row); no card is charged again by itself.
    """
    facts = charging_session(order.transaction_id or 0)
    last = order.cdrs.order_by("-sequence").first()
    if facts is None or last is None:
        return False
    until = order.unplugged_at
    priced = rate(parse_tariff(order.tariff), session_of(facts, until=until))
    unchanged = (priced.total_minor, facts.energy_wh) == (
        last.amount_minor,
        last.energy_wh,
    )
    if unchanged:
        return False
    Cdr.objects.create(
        operator_id=order.operator_id,
        order=order,
        sequence=last.sequence + 1,
        credits=last,
        currency=last.currency,
        energy_wh=-last.energy_wh,
        amount_minor=-last.amount_minor,
        rounding_policy=last.rounding_policy,
        ocpi=_credit_json(last),
        lines=last.lines,
        created_at=at,
    )
    _keep(order, facts, priced, at=at)
    order.review_reason = (
        f"Late meter values changed the price from {last.amount_minor} to "
        f"{priced.total_minor} minor units after the capture."
    )
    order.save()
    return True


def _credit_json(last: Cdr) -> dict[str, Any]:
    number = last.ocpi["id"]
    return {
        **last.ocpi,
        "id": f"{number}-C",
        "credit": True,
        "credit_reference_id": number,
    }


def estimate(order: Order) -> int:
    """The price so far in minor units, by the same function as the bill."""
    facts = charging_session(order.transaction_id or 0)
    if facts is None:
        return 0
    session = session_of(facts, until=order.unplugged_at)
    return rate(parse_tariff(order.tariff), session).total_minor
