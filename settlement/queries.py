"""What others may read: frozen facts, never rows."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from settlement.models import (
    LedgerLine,
    PayeeAccount,
    Payment,
    Receivable,
    Refund,
    SplitLine,
)

PAYABLE_FROM_MINOR: Final = 50
"""Providers take no smaller payments: nobody is kept out for what cannot be paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment. Amounts in minor units of ``currency``."""

    id: int
    operator_id: int
    order_number: str
    sequence: int
    state: str
    currency: str
    provider: str
    account_reference: str
    provider_ref: str
    hold_minor: int
    due_minor: int | None
    captured_minor: int
    application_fee_minor: int
    refunded_minor: int
    application_fee_refunded_minor: int
    receivable_minor: int
    action_url: str
    decline_code: str
    decline_message: str
    capture_before: datetime | None
    captured_at: datetime | None


@dataclass(frozen=True, slots=True)
class SplitLineView:
    """What a party got (capture, positive) or gave back (refund)."""

    kind: str
    party: str
    name: str
    role: str
    amount_minor: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LedgerLineView:
    """One leg of an entry: debit positive."""

    entry_id: int
    source: str
    effective_at: datetime
    operator_id: int
    account: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PayeeAccountView:
    """An operator's account at a provider, as last confirmed."""

    id: int
    operator_id: int
    provider: str
    reference: str
    currency: str
    is_default: bool
    charges_enabled: bool
    requirements_due: tuple[str, ...]
    disabled_reason: str
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReceivableView:
    """What a driver owes an operator."""

    id: int
    operator_id: int
    order_number: str
    amount_minor: int
    currency: str
    state: str
    reason: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class RefundFact:
    """A refund of an order that did not fail, made here or at the provider.

    ``correction_id``: it follows a lower bill, which has documents of its own.
    """

    id: int
    amount_minor: int
    is_pending: bool
    correction_id: int | None


def view_of(payment: Payment) -> PaymentView:
    """The public facts of a row."""
    debt = (
        Receivable.objects.filter(payment=payment)
        .exclude(state=Receivable.State.CORRECTED)
        .order_by("-pk")
        .first()
    )
    return _view(payment, debt)


def _view(payment: Payment, debt: Receivable | None) -> PaymentView:
    return PaymentView(
        id=payment.pk,
        operator_id=payment.operator_id,
        order_number=payment.order_number,
        sequence=payment.sequence,
        state=str(payment.state),
        currency=payment.currency,
        provider=payment.provider,
        account_reference=payment.account_reference,
        provider_ref=payment.provider_ref,
        hold_minor=payment.hold_minor,
        due_minor=payment.due_minor,
        captured_minor=payment.captured_minor,
        application_fee_minor=payment.application_fee_minor,
        refunded_minor=payment.refunded_minor,
        application_fee_refunded_minor=payment.application_fee_refunded_minor,
        receivable_minor=debt.amount_minor if debt else 0,
        action_url=payment.action_url,
        decline_code=payment.decline_code,
        decline_message=payment.decline_message,
        capture_before=payment.capture_before,
        captured_at=payment.captured_at,
    )


def payment_view(payment_id: int) -> PaymentView | None:
    """One payment, or None."""
    row = Payment.objects.filter(pk=payment_id).first()
    return None if row is None else view_of(row)


def payment_views(payment_ids: Collection[int]) -> dict[int, PaymentView]:
    """Payments by id, in two statements; those that do not exist are not in it."""
    rows = Payment.objects.filter(pk__in=payment_ids)
    debts = {
        debt.payment_id: debt
        for debt in Receivable.objects.filter(payment_id__in=payment_ids)
        .exclude(state=Receivable.State.CORRECTED)
        .order_by("pk")
    }
    return {row.pk: _view(row, debts.get(row.pk)) for row in rows}


def payments_of_order(order_number: str) -> list[PaymentView]:
    """The order's own payment, then those that collected a debt of it."""
    rows = Payment.objects.filter(order_number=order_number).order_by("sequence")
    return [view_of(row) for row in rows]


def refunds_of_order(order_number: str) -> list[RefundFact]:
    """What goes back of an order or went back, oldest first."""
    rows = (
        Refund.objects.filter(
            payment__order_number=order_number, payment__unowed_reason=""
        )
        .exclude(state=Refund.State.FAILED)
        .order_by("pk")
    )
    return [
        RefundFact(
            row.pk,
            row.amount_minor,
            row.state == Refund.State.PENDING,
            row.correction_id,
        )
        for row in rows
    ]


def split_lines(order_number: str) -> list[SplitLineView]:
    """The shares of an order's captures and refunds, oldest first."""
    rows = SplitLine.objects.filter(order_number=order_number).order_by("pk")
    return [
        SplitLineView(
            row.kind,
            row.party,
            row.name,
            row.role,
            row.amount_minor,
            row.currency,
            row.at,
        )
        for row in rows
    ]


def ledger_lines(order_number: str) -> list[LedgerLineView]:
    """What the ledger says of an order, in the books that the caller may see."""
    rows = (
        LedgerLine.objects.filter(entry__order_number=order_number)
        .select_related("entry", "account")
        .order_by("pk")
    )
    return [
        LedgerLineView(
            row.entry_id,
            row.entry.source,
            row.entry.effective_at,
            row.operator_id,
            row.account.code,
            row.currency,
            row.amount_minor,
        )
        for row in rows
    ]


def payee_accounts(operator_ids: Iterable[int]) -> list[PayeeAccountView]:
    """The accounts of these operators."""
    rows = PayeeAccount.objects.filter(operator_id__in=list(operator_ids))
    return [
        PayeeAccountView(
            row.pk,
            row.operator_id,
            row.provider,
            row.reference,
            row.currency,
            row.is_default,
            row.charges_enabled,
            tuple(row.requirements_due),
            row.disabled_reason,
            row.checked_at,
        )
        for row in rows.order_by("pk")
    ]


def open_receivables(operator_ids: Iterable[int]) -> list[ReceivableView]:
    """What drivers owe these operators, oldest first."""
    rows = Receivable.objects.filter(
        operator_id__in=list(operator_ids), state=Receivable.State.OPEN
    ).order_by("opened_at", "pk")
    return [_receivable(row) for row in rows]


def owed_minor(order_number: str) -> int:
    """What is open of an order, in minor units."""
    rows = Receivable.objects.filter(
        order_number=order_number, state=Receivable.State.OPEN
    )
    return sum(rows.values_list("amount_minor", flat=True))


def debts_of_driver(driver_id: int) -> list[ReceivableView]:
    """What an account owes and can pay, oldest first.

    Where the operator could not be paid at all, the debt says nothing of the account.
    """
    rows = _owed().filter(driver_id=driver_id).order_by("opened_at", "pk")
    return [_receivable(row) for row in rows]


def drivers_in_debt(*, limit: int) -> list[int]:
    """Accounts for which ``debts_of_driver`` finds something."""
    rows = _owed().filter(driver_id__isnull=False).order_by("driver_id")
    return list(rows.values_list("driver_id", flat=True).distinct()[:limit])


def _owed() -> QuerySet[Receivable]:
    return Receivable.objects.filter(
        state=Receivable.State.OPEN,
        amount_minor__gte=PAYABLE_FROM_MINOR,
        payment__payee_account__isnull=False,
    )


def _receivable(row: Receivable) -> ReceivableView:
    return ReceivableView(
        row.pk,
        row.operator_id,
        row.order_number,
        row.amount_minor,
        row.currency,
        row.state,
        row.reason,
        row.opened_at,
    )
