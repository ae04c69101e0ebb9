"""Collecting debts of drivers: on the same operator's account, never another."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import IntegrityError, transaction

from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor
from settlement.models import Payment, PaymentAttempt, Receivable
from settlement.models.payment_states import WAITING_STATES
from settlement.queries import PAYABLE_FROM_MINOR, PaymentView, view_of
from settlement.services import (
    captures,
    checkouts,
    ledger,
    methods,
    moves,
    payees,
    postings,
)
from settlement.services.checkouts import CheckoutWanted
from settlement.services.moves import entered, queue_attempt

COLLECTIONS_MAX: Final = 5
COLLECT_AGAIN_AFTER: Final = timedelta(days=2)
COLLECT_MAX: Final = 200


class UnableToCollect(DomainError):
    """The debt is closed, is being collected, or there is nothing to pay with."""

    http_status: ClassVar[int] = 409


def _locked(receivable_id: int) -> Receivable:
    """An open debt, locked after the payment that owes it."""
    rows = Receivable.objects.filter(pk=receivable_id)
    moves.locked_with_own(Payment.objects.filter(pk__in=rows.values("payment_id")))
    debt = rows.select_for_update().first()
    if debt is None or debt.state != Receivable.State.OPEN:
        raise UnableToCollect(
            "no_open_receivable", f"There is no open debt {receivable_id} here."
        )
    return debt


def _require_payable(debt: Receivable) -> None:
    """No question that the provider can only refuse."""
    if debt.amount_minor < PAYABLE_FROM_MINOR:
        least = format_minor(PAYABLE_FROM_MINOR, debt.currency)
        raise UnableToCollect(
            "amount_too_small",
            f"Payment providers take nothing below {least}; only the operator can "
            "give this debt up.",
        )


@transaction.atomic
def collect(*, receivable_id: int, at: datetime) -> PaymentView:
    """Ask for a debt with the driver's present payment method.

    A payment of its own is opened on the account of the same operator; it is
    captured as soon as its hold stands.

    Raises:
        UnableToCollect: ``no_open_receivable``, ``amount_too_small``,
            ``no_payment_method`` or ``collection_in_progress``.
        UnableToResolvePayee: the operator's account cannot take it.
    """
    debt = _locked(receivable_id)
    _require_payable(debt)
    payee = payees.snapshot(operator_id=debt.operator_id, currency=debt.currency, at=at)
    method = (
        methods.default_for(debt.driver_id, operator_account=payee.cards_account)
        if debt.driver_id
        else None
    )
    if method is None:
        raise UnableToCollect(
            "no_payment_method", "The driver has no payment method; send a pay link."
        )
    payment = _open(debt, payee, method, at)
    queue_attempt(
        payment, PaymentAttempt.Kind.AUTHORIZE, at=at, amount_minor=debt.amount_minor
    )
    debt.collections_tried += 1
    debt.next_try_at = (
        at + COLLECT_AGAIN_AFTER if debt.collections_tried < COLLECTIONS_MAX else None
    )
    debt.save()
    return view_of(payment)


def _open(
    debt: Receivable,
    payee: payees.PayeeSnapshot,
    method: methods.PaymentMethodView | None,
    at: datetime,
) -> Payment:
    """A payment of its own for a locked debt, on the operator's present account."""
    owing = debt.payment
    latest = Payment.objects.filter(order_number=debt.order_number).order_by(
        "-sequence"
    )
    payment = Payment(
        operator_id=debt.operator_id,
        order_number=debt.order_number,
        sequence=latest[0].sequence + 1,
        driver_id=debt.driver_id,
        currency=debt.currency,
        payee_account_id=payee.payee_account_id,
        provider=payee.provider,
        account_reference=payee.reference,
        mode=payee.mode,
        split=owing.split,
        customer_ref=method.customer_ref if method else "",
        payment_method_ref=method.payment_method_ref if method else "",
        off_session=method is not None,
        hold_minor=debt.amount_minor,
        due_minor=debt.amount_minor,
        collects=debt,
        created_at=at,
        moved_at=at,
    )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError as error:
        raise UnableToCollect(
            "collection_in_progress", f"The debt {debt.pk} is being collected."
        ) from error
    entered(payment, cause=f"collects receivable {debt.pk}", at=at)
    return payment


@transaction.atomic
def pay_link(
    *, receivable_id: int, checkout: CheckoutWanted, at: datetime
) -> PaymentView:
    """Have a page opened where anybody with its address pays a debt at once.

    The page is the provider's, on the same operator's account; ``PayLinkReady`` tells
    its address, and so does ``action_url`` of the answer once it is there. Asking
    again while the page is open gives the same one; a page that ran out, a new one.

    Raises:
        UnableToCollect: ``no_open_receivable``, ``amount_too_small`` or
            ``collection_in_progress``.
        UnableToResolvePayee: the operator's account cannot take it.
    """
    debt = _locked(receivable_id)
    live = (
        Payment.objects.filter(
            collects=debt, checkout__isnull=False, state__in=WAITING_STATES
        )
        .order_by("-sequence")
        .first()
    )
    if live is not None:
        return view_of(live)
    _require_payable(debt)
    payee = payees.snapshot(operator_id=debt.operator_id, currency=debt.currency, at=at)
    payment = _open(debt, payee, None, at)
    checkouts.want(payment, checkout, capture=True, at=at)
    queue_attempt(
        payment,
        PaymentAttempt.Kind.CHECKOUT,
        at=at,
        amount_minor=debt.amount_minor,
        application_fee_minor=captures.fee_at_provider(payment, debt.amount_minor),
    )
    return view_of(payment)


def collect_due(*, at: datetime) -> int:
    """Collect the debts whose time has come; returns how many were asked for.

    A debt that cannot be asked for now (no payment method, blocked account) waits
    for the next time without using one up.
    """
    due = Receivable.objects.filter(
        state=Receivable.State.OPEN, next_try_at__lte=at
    ).order_by("next_try_at")
    asked = 0
    for pk in list(due.values_list("pk", flat=True)[:COLLECT_MAX]):
        try:
            collect(receivable_id=pk, at=at)
            asked += 1
        except DomainError:
            Receivable.objects.filter(pk=pk, state=Receivable.State.OPEN).update(
                next_try_at=at + COLLECT_AGAIN_AFTER
            )
    return asked


@transaction.atomic
def write_off(*, receivable_id: int, by: str, at: datetime) -> None:
    """The operator gives a debt up.

    Raises:
        UnableToCollect: ``no_open_receivable``, or ``collection_in_progress``.
    """
    debt = _locked(receivable_id)
    live = Payment.objects.filter(collects=debt).exclude(
        state__in=["DECLINED", "RELEASED", "RECEIVABLE"]
    )
    if live.exists():
        raise UnableToCollect(
            "collection_in_progress", f"The debt {receivable_id} is being collected."
        )
    debt.state, debt.closed_at = Receivable.State.WRITTEN_OFF, at
    debt.next_try_at = None
    debt.save()
    ledger.post_many([postings.of_write_off(debt, at)])
    audit.record(
        operator_id=debt.operator_id,
        actor=by,
        action="receivable.written_off",
        object=f"receivable {debt.pk} of {debt.order_number}",
        changes={"amount_minor": debt.amount_minor, "currency": debt.currency},
        at=at,
    )
