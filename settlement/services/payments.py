"""The doors of payments: open, capture, release, book a debt.

Each writes rows and events in the caller's database transaction and returns at
once; a worker asks the provider afterwards (``attempts``). All of them are
idempotent: the same request again changes nothing.
"""

from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from django.db import IntegrityError, transaction

from cpms.kernel.errors import DomainError
from settlement.models import PayeeAccount, Payment, PaymentAttempt, PaymentState
from settlement.models.payment_states import MONEY_STATES, WAITING_STATES
from settlement.queries import PaymentView, view_of
from settlement.services import captures, checkouts, debts, methods
from settlement.services.checkouts import CheckoutWanted
from settlement.services.moves import (
    entered,
    locked,
    open_attempt,
    queue_attempt,
)
from settlement.services.payees import PayeeSnapshot
from settlement.services.refunds import (
    RefundView,
    UnableToRefund,
    request_refund,
)
from settlement.services.splits import SplitSnapshot

__all__ = [
    "CheckoutWanted",
    "PaymentView",
    "RefundView",
    "UnableToBookReceivable",
    "UnableToCapture",
    "UnableToOpenPayment",
    "UnableToRefund",
    "UnableToRelease",
    "book_receivable",
    "open_payment",
    "request_capture",
    "request_refund",
    "request_release",
]

_S = PaymentState


class UnableToOpenPayment(DomainError):
    """There is nothing to pay with, or the request contradicts an earlier one."""

    http_status: ClassVar[int] = 402


class UnableToCapture(DomainError):
    """The amount is wrong, or another one was asked for before."""


class UnableToRelease(DomainError):
    """The money is taken already; a refund gives it back."""


class UnableToBookReceivable(DomainError):
    """The order's payment can still be taken, or was."""


def open_payment(  # noqa: PLR0913 - the facts of one payment, all named
    *,
    operator_id: int,
    order_number: str,
    currency: str,
    hold_minor: int,
    driver_id: int | None,
    payment_method_id: int | None,
    payee: PayeeSnapshot,
    split: SplitSnapshot,
    off_session: bool,
    at: datetime,
    checkout: CheckoutWanted | None = None,
) -> PaymentView:
    """Ask for a hold on the payee's own account; once per order.

    With ``checkout`` the payer is asked on a page of the provider's own instead of a
    saved method: ``PaymentActionRequired`` tells its address, and the hold stands
    when the payer paid there.

    Returns:
        The payment in AUTHORIZING; or as it stands, when it was opened before.

    Raises:
        UnableToOpenPayment: ``no_payment_method``, ``payment_method_not_usable``,
            ``hold_invalid``, ``currency_mismatch`` or ``order_number_taken``.
    """
    known = Payment.objects.filter(order_number=order_number, sequence=1).first()
    if known is not None:
        return _again(known, operator_id)
    _check(hold_minor, currency, payee)
    method = _method(driver_id, payment_method_id, payee) if checkout is None else None
    payment = Payment(
        operator_id=operator_id,
        order_number=order_number,
        driver_id=driver_id,
        currency=currency,
        payee_account_id=payee.payee_account_id,
        provider=payee.provider,
        account_reference=payee.reference,
        mode=payee.mode,
        split=asdict(split),
        customer_ref=method.customer_ref if method else "",
        payment_method_ref=method.payment_method_ref if method else "",
        off_session=off_session and method is not None,
        hold_minor=hold_minor,
        created_at=at,
        moved_at=at,
    )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
            entered(payment, cause="hold requested", at=at)
            kind = PaymentAttempt.Kind.AUTHORIZE
            if checkout is not None:
                checkouts.want(payment, checkout, capture=False, at=at)
                kind = PaymentAttempt.Kind.CHECKOUT
            queue_attempt(payment, kind, at=at, amount_minor=hold_minor)
    except IntegrityError:
        known = Payment.objects.filter(order_number=order_number, sequence=1).first()
        if known is None:
            raise
        return _again(known, operator_id)
    return view_of(payment)


def _check(hold_minor: int, currency: str, payee: PayeeSnapshot) -> None:
    if hold_minor <= 0:
        raise UnableToOpenPayment(
            "hold_invalid",
            f"Cannot hold {hold_minor} minor units; ask for more than 0.",
        )
    if payee.currency != currency:
        raise UnableToOpenPayment(
            "currency_mismatch",
            f"The payee's account takes {payee.currency}, not {currency}.",
        )


def _again(known: Payment, operator_id: int) -> PaymentView:
    if known.operator_id != operator_id:
        raise UnableToOpenPayment(
            "order_number_taken",
            "Another operator's payment has this order number; make a new order.",
            http_status=409,
        )
    return view_of(known)


def _method(
    driver_id: int | None, payment_method_id: int | None, payee: PayeeSnapshot
) -> methods.PaymentMethodView:
    """The method to ask; an operator with an own key knows only those saved there."""
    if payee.mode == PayeeAccount.Mode.OWN_KEY:
        return _method_there(driver_id, payee)
    provider = payee.provider
    found = None
    if driver_id is not None and payment_method_id is not None:
        found = methods.get(driver_id=driver_id, payment_method_id=payment_method_id)
    if found is None:
        raise UnableToOpenPayment(
            "no_payment_method",
            "The driver's account has no such payment method; add one first.",
        )
    if found.provider != provider:
        raise UnableToOpenPayment(
            "payment_method_not_usable",
            f"The payment method is of {found.provider}; this operator is paid by "
            f"{provider}. Add a payment method of {provider}.",
        )
    return found


def _method_there(
    driver_id: int | None, payee: PayeeSnapshot
) -> methods.PaymentMethodView:
    found = None
    if driver_id is not None:
        found = methods.default_for(driver_id, operator_account=payee.reference)
    if found is None:
        raise UnableToOpenPayment(
            "no_payment_method_here",
            "This operator is paid directly, and its provider account does not know "
            "the driver's card yet; save a card for this operator first.",
        )
    return found


@transaction.atomic
def request_capture(*, payment_id: int, amount_minor: int, at: datetime) -> PaymentView:
    """Take what the charge cost, as soon as the hold stands.

    More than the hold is captured up to the hold, and the rest becomes a debt of
    the driver; so does everything when no hold stands any more. Nothing (0) releases
    the hold.

    Raises:
        UnableToCapture: ``amount_invalid`` or ``capture_amount_differs``.
        UnableToFindPayment: no such payment.
    """
    if amount_minor < 0:
        raise UnableToCapture("amount_invalid", f"Cannot capture {amount_minor}.")
    if amount_minor == 0:
        return request_release(payment_id=payment_id, reason="nothing to pay", at=at)
    payment = locked(payment_id)
    if payment.due_minor is not None:
        if payment.due_minor != amount_minor:
            raise UnableToCapture(
                "capture_amount_differs",
                f"{payment.due_minor} was to be captured for {payment.order_number}, "
                f"now {amount_minor}; the first stands. Refund the difference.",
            )
        return view_of(payment)
    payment.due_minor = amount_minor
    payment.save(update_fields=["due_minor"])
    if payment.state == _S.AUTHORIZED and open_attempt(payment) is None:
        captures.start(payment, at=at)
    elif payment.state in {_S.DECLINED, _S.RELEASED}:
        debts.fall_due(payment, reason=f"no hold: {payment.state.lower()}", at=at)
    return view_of(payment)


@transaction.atomic
def request_release(*, payment_id: int, reason: str, at: datetime) -> PaymentView:
    """Give the hold back; while its answer is awaited, as soon as that is there.

    Raises:
        UnableToRelease: the money is being taken, or was.
        UnableToFindPayment: no such payment.
    """
    payment = locked(payment_id)
    if payment.due_minor is not None or payment.state in {_S.CAPTURING, *MONEY_STATES}:
        raise UnableToRelease(
            "already_capturing",
            f"The payment of {payment.order_number} is {payment.state}; only a refund "
            "gives money back.",
        )
    if payment.state in {_S.AUTHORIZED, *WAITING_STATES} and not payment.release_reason:
        payment.release_reason = reason[:120] or "released"
        payment.save(update_fields=["release_reason"])
        captures.release(payment, at=at)
    return view_of(payment)


@transaction.atomic
def book_receivable(  # noqa: PLR0913 - the facts of one debt, all named
    *,
    operator_id: int,
    order_number: str,
    currency: str,
    amount_minor: int,
    driver_id: int | None,
    payee: PayeeSnapshot | None,
    split: SplitSnapshot | None,
    at: datetime,
) -> PaymentView:
    """Book what a driver owes for a charge that no hold covers.

    Raises:
        UnableToBookReceivable: ``amount_invalid``, ``order_number_taken``, or
            ``payment_stands`` when the order's payment can still be taken, or was.
    """
    if amount_minor <= 0:
        raise UnableToBookReceivable("amount_invalid", f"Cannot owe {amount_minor}.")
    known = _locked_of_order(operator_id, order_number)
    if known is not None:
        return _owe(known, amount_minor, at)
    payment = Payment(
        operator_id=operator_id,
        order_number=order_number,
        driver_id=driver_id,
        state=_S.RECEIVABLE,
        currency=currency,
        split=asdict(split) if split is not None else {},
        off_session=True,
        hold_minor=0,
        due_minor=amount_minor,
        created_at=at,
        moved_at=at,
    )
    if payee is not None:
        payment.payee_account_id = payee.payee_account_id
        payment.provider = payee.provider
        payment.account_reference = payee.reference
        payment.mode = payee.mode
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError as error:
        known = _locked_of_order(operator_id, order_number)
        if known is None:
            raise UnableToBookReceivable(
                "order_number_taken",
                "Another operator's payment has this order number; make a new order.",
            ) from error
        return _owe(known, amount_minor, at)
    entered(payment, cause="no payment method", at=at)
    debts.book(payment, amount_minor, reason="no payment method", at=at)
    debts.tell_receivable(payment, amount_minor, reason="no payment method")
    return view_of(payment)


def _locked_of_order(operator_id: int, order_number: str) -> Payment | None:
    return (
        Payment.objects.select_for_update()
        .filter(order_number=order_number, sequence=1, operator_id=operator_id)
        .first()
    )


def _owe(payment: Payment, amount_minor: int, at: datetime) -> PaymentView:
    if payment.state == _S.RECEIVABLE and payment.due_minor == amount_minor:
        return view_of(payment)
    if payment.state not in {_S.DECLINED, _S.RELEASED}:
        raise UnableToBookReceivable(
            "payment_stands",
            f"The payment of {payment.order_number} is {payment.state} over "
            f"{payment.due_minor}; capture it instead.",
        )
    payment.due_minor = amount_minor
    debts.fall_due(payment, reason=f"no hold: {payment.state.lower()}", at=at)
    return view_of(payment)
