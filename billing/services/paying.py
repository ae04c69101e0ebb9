"""What happens to an order when its payment moves.

An event only says that something moved; what counts is how the payment stands now.
So events may come late, twice and in any order.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.models import Order
from billing.models.order import ACTION_URL_CHARS_MAX
from billing.models.order_states import OrderState, PaymentState
from billing.services import (
    moves,
    notices,
    ordering,
    pay_links,
    rating,
    receipts,
    standing,
)
from billing.services.placing import start
from charge_points.services import starting
from cpms.accounts.models import Driver
from cpms.kernel.errors import DomainError
from settlement.queries import PaymentView, payment_views

NOT_THE_DRIVERS_FAULT: Final = frozenset(
    {"provider_unreachable", "payee_account_blocked", "account_blocked"}
)
"""Declines that say nothing about the driver's card."""
SETTLED: Final = frozenset({PaymentState.CAPTURED, PaymentState.RECEIVABLE})
"""What was spent is known, or owed: a cap may be used up, a debt open or paid."""


def payment_changed(number: str, *, at: datetime) -> None:
    """Follow the payment of an order, and do what its state asks for."""
    payments_changed([number], at=at)


def payments_changed(numbers: Collection[str], *, at: datetime) -> None:
    """Follow the payments of several orders, whose receipts are written at the end."""
    orders = moves.lock_many(numbers)
    known = payment_views([o.payment_id for o in orders if o.payment_id is not None])
    with receipts.numbered_last():
        for order in orders:
            if order.payment_id in known:
                _follow(order, known[order.payment_id], at=at)


def _follow(order: Order, payment: PaymentView, *, at: datetime) -> None:
    text = f"payment {payment.state.lower()}"
    if payment.decline_message and payment.state == PaymentState.DECLINED:
        text = f"payment declined: {payment.decline_message}"
    cause = moves.Cause(text, "system", at)
    if order.payment_state != payment.state == PaymentState.DECLINED:
        notices.tell(notices.PAYMENT_FAILED, order, reason=text)
    moves.follow_payment(order, payment.state, cause=cause)
    _account_state(order, payment, at=at)
    react = _REACTIONS.get(OrderState(order.state))
    if react is not None:
        react(order, payment, cause)


def _created(order: Order, payment: PaymentView, cause: moves.Cause) -> None:
    if payment.state == PaymentState.AUTHORIZED:
        _start(order, cause)
    elif payment.state == PaymentState.REQUIRES_ACTION:
        _ask_driver(order, payment, cause)
    elif payment.state in {PaymentState.DECLINED, PaymentState.RELEASED}:
        ordering.fail(order, _no_hold(payment), cause=cause)


def _start(order: Order, cause: moves.Cause) -> None:
    try:
        with transaction.atomic():
            start(order, cause=cause)
    except DomainError as error:
        # The reservation ran out while the hold was awaited.
        order.refresh_from_db()
        ordering.fail(order, error.message, cause=cause)


def _ask_driver(order: Order, payment: PaymentView, cause: moves.Cause) -> None:
    """The bank asks; the driver follows the address in the app or on the page."""
    if len(payment.action_url) > ACTION_URL_CHARS_MAX:
        ordering.fail(order, "The bank's page has no usable address.", cause=cause)
        return
    if order.action_url != payment.action_url:
        order.action_url = payment.action_url
        order.save(update_fields=["action_url"])


def _no_hold(payment: PaymentView) -> str:
    if payment.state == PaymentState.DECLINED:
        return f"The payment was declined: {payment.decline_message}"
    return "The hold was given back before the charge began."


def _starting(order: Order, payment: PaymentView, cause: moves.Cause) -> None:
    if payment.state in {PaymentState.DECLINED, PaymentState.RELEASED}:
        ordering.fail(order, _no_hold(payment), cause=cause)


def _charging(order: Order, payment: PaymentView, cause: moves.Cause) -> None:
    if payment.state in {PaymentState.DECLINED, PaymentState.RELEASED}:
        starting.request_stop(order_number=order.number, reason="no hold", at=cause.at)


def _rated(order: Order, payment: PaymentView, cause: moves.Cause) -> None:
    rating.close_if_paid(order, payment.state, cause=cause)
    if payment.state == PaymentState.CAPTURED and payment.receivable_minor:
        notices.tell(
            notices.PAYMENT_FAILED,
            order,
            reason="The charge cost more than was held.",
            amount_minor=payment.receivable_minor,
            pay_url=pay_links.url_of(order.number),
        )


def _never_charged(order: Order, payment: PaymentView, cause: moves.Cause) -> None:
    if payment.state == PaymentState.AUTHORIZED:
        ordering.release_hold(order, cause=cause)


_REACTIONS: Final[
    dict[OrderState, Callable[[Order, PaymentView, moves.Cause], None]]
] = {
    OrderState.CREATED: _created,
    OrderState.STARTING: _starting,
    OrderState.CHARGING: _charging,
    OrderState.RATED: _rated,
    OrderState.CANCELLED: _never_charged,
    OrderState.FAILED: _never_charged,
}


def _account_state(order: Order, payment: PaymentView, *, at: datetime) -> None:
    """Keep the start policies of the driver's tokens true (design page 1.5)."""
    if order.driver_id is None:
        return
    if payment.state == PaymentState.AUTHORIZED:
        # The usual case changes nothing, and the start waits for this.
        known = Driver.objects.filter(pk=order.driver_id, can_pay=False)
        if known.update(can_pay=True):
            standing.refresh(order.driver_id, at=at)
        return
    blameless = payment.decline_code in NOT_THE_DRIVERS_FAULT
    if payment.state == PaymentState.DECLINED and not blameless:
        set_can_pay(order.driver_id, can_pay=False, at=at)
    elif payment.state in SETTLED:
        standing.refresh(order.driver_id, at=at)


def set_can_pay(driver_id: int, *, can_pay: bool, at: datetime) -> None:
    """Note whether a driver's payment method works, and tell the tokens.

    They come in again with a new payment method, or a hold that stands; unless
    something else is in the way (``standing``).
    """
    Driver.objects.filter(pk=driver_id).exclude(can_pay=can_pay).update(can_pay=can_pay)
    standing.refresh(driver_id, at=at)
