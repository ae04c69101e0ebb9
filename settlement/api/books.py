"""The operator's money over REST: lists, and what is decided about their rows."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.api.tables import OfOperator, Table, list_view
from settlement.models import (
    Dispute,
    LedgerEntry,
    LedgerLine,
    PayeeAccount,
    Payment,
    PlatformInvoice,
    ProviderTransaction,
    Receivable,
    ReconciliationDifference,
    Refund,
)
from settlement.services import disputes, payees, receivables, resolving
from settlement.services.reconciliation import ask as ask_to_compare

MONEY = "payments:write"
ONE_ROW = ("operator",)


class PaymentRow(OfOperator):
    """A hold and what became of it; amounts in minor units."""

    class Meta:
        model = Payment
        fields = (
            *("id", "operator", "order_number", "sequence", "state", "currency"),
            *("hold_minor", "due_minor", "captured_minor", "application_fee_minor"),
            *("refunded_minor", "application_fee_refunded_minor", "provider"),
            *("provider_ref", "account_reference", "decline_code"),
            *("decline_message", "release_reason", "created_at", "captured_at"),
        )


class RefundRow(OfOperator):
    """Money given back."""

    order_number = serializers.CharField(source="payment.order_number", read_only=True)

    class Meta:
        model = Refund
        fields = (
            *("id", "operator", "order_number", "state", "source", "amount_minor"),
            *("currency", "reason", "refund_application_fee", "provider_ref"),
            *("application_fee_refunded_minor", "requested_by", "created_at"),
            "finished_at",
        )


class DisputeRow(OfOperator):
    """A payment that a bank took back."""

    order_number = serializers.CharField(source="payment.order_number", read_only=True)

    class Meta:
        model = Dispute
        fields = (
            *("id", "operator", "order_number", "provider_ref", "state"),
            *("amount_minor", "currency", "reason", "due_at", "evidence"),
            *("opened_at", "submitted_at", "submitted_by", "closed_at"),
        )


class ReceivableRow(OfOperator):
    """What a driver owes."""

    class Meta:
        model = Receivable
        fields = (
            *("id", "operator", "order_number", "state", "amount_minor", "currency"),
            *("reason", "collections_tried", "next_try_at", "opened_at", "closed_at"),
        )


class DifferenceRow(OfOperator):
    """Where the provider's books and ours differ."""

    class Meta:
        model = ReconciliationDifference
        fields = (
            *("id", "operator", "kind", "reference", "order_number", "ours_minor"),
            *("theirs_minor", "currency", "found_at", "resolved_at", "resolution"),
            *("resolved_as", "resolved_by"),
        )


class ProviderRow(OfOperator):
    """A movement in the provider's books."""

    class Meta:
        model = ProviderTransaction
        fields = (
            *("id", "operator", "reference", "type", "source_ref", "amount_minor"),
            *("provider_fee_minor", "application_fee_minor", "net_minor", "currency"),
            *("happened_at", "available_at", "matched_at"),
        )


class PayeeRow(OfOperator):
    """Where the operator's money goes; its keys are never shown."""

    class Meta:
        model = PayeeAccount
        fields = (
            *("id", "operator", "provider", "reference", "mode", "currency"),
            *("is_default", "charges_enabled", "payouts_enabled", "requirements_due"),
            *("disabled_reason", "due_by", "key_ending", "checked_at", "created_at"),
        )


class LedgerLineRow(serializers.ModelSerializer[LedgerLine]):
    """A line; debits are positive."""

    account = serializers.CharField(source="account.code", read_only=True)

    class Meta:
        model = LedgerLine
        fields = ("account", "amount_minor", "currency")


class LedgerRow(OfOperator):
    """An entry with its lines, which add up to zero."""

    lines = LedgerLineRow(many=True, read_only=True)

    class Meta:
        model = LedgerEntry
        fields = (
            *("id", "operator", "source", "key", "order_number", "effective_at"),
            *("created_at", "reverses", "lines"),
        )


class InvoiceRow(OfOperator):
    """What the platform bills an operator that pays it later."""

    class Meta:
        model = PlatformInvoice
        fields = (
            *("id", "operator", "number", "month_start_date", "currency", "fee_minor"),
            *("charges", "state", "issued_at", "paid_at"),
        )


class Period(serializers.Serializer[Any]):
    """From when until when the row was made."""

    since = serializers.DateTimeField(source="created_at__gte", required=False)
    before = serializers.DateTimeField(
        source="created_at__lt", required=False, help_text="Not included."
    )


class PaymentFilter(Period):
    """Which payments."""

    state = serializers.ChoiceField(
        choices=Payment._meta.get_field("state").flatchoices,  # noqa: SLF001 - public by name
        required=False,
    )
    order_number = serializers.CharField(max_length=20, required=False)


class RefundFilter(Period):
    """Which refunds."""

    state = serializers.ChoiceField(choices=Refund.State.choices, required=False)
    order_number = serializers.CharField(
        source="payment__order_number", max_length=20, required=False
    )


class DisputeFilter(serializers.Serializer[Any]):
    """Which disputes."""

    state = serializers.ChoiceField(choices=Dispute.State.choices, required=False)
    order_number = serializers.CharField(
        source="payment__order_number", max_length=20, required=False
    )


class ReceivableFilter(serializers.Serializer[Any]):
    """Which debts."""

    state = serializers.ChoiceField(choices=Receivable.State.choices, required=False)
    order_number = serializers.CharField(max_length=20, required=False)


class DifferenceFilter(serializers.Serializer[Any]):
    """Which differences."""

    kind = serializers.ChoiceField(
        choices=ReconciliationDifference.Kind.choices, required=False
    )
    open = serializers.BooleanField(source="resolved_at__isnull", required=False)


class ProviderFilter(serializers.Serializer[Any]):
    """Which movements."""

    type = serializers.CharField(max_length=60, required=False)
    reference = serializers.CharField(max_length=80, required=False)
    since = serializers.DateTimeField(source="happened_at__gte", required=False)
    before = serializers.DateTimeField(source="happened_at__lt", required=False)


class LedgerFilter(Period):
    """Which entries."""

    order_number = serializers.CharField(max_length=20, required=False)
    origin = serializers.CharField(
        source="source__exact", max_length=40, required=False, help_text="Of its source"
    )


class InvoiceFilter(serializers.Serializer[Any]):
    """Which invoices."""

    state = serializers.ChoiceField(
        choices=PlatformInvoice.State.choices, required=False
    )


class PayeeFilter(serializers.Serializer[Any]):
    """Which accounts."""

    provider = serializers.CharField(max_length=40, required=False)


TABLES = (
    Table("payments", Payment, PaymentRow, PaymentFilter),
    Table("refunds", Refund, RefundRow, RefundFilter, related=("operator", "payment")),
    Table(
        "disputes", Dispute, DisputeRow, DisputeFilter, related=("operator", "payment")
    ),
    Table("receivables", Receivable, ReceivableRow, ReceivableFilter),
    Table(
        "reconciliation-differences",
        ReconciliationDifference,
        DifferenceRow,
        DifferenceFilter,
    ),
    Table("provider-transactions", ProviderTransaction, ProviderRow, ProviderFilter),
    Table("payee-accounts", PayeeAccount, PayeeRow, PayeeFilter),
    Table(
        "ledger-entries",
        LedgerEntry,
        LedgerRow,
        LedgerFilter,
        many=("lines__account",),
    ),
    Table("platform-invoices", PlatformInvoice, InvoiceRow, InvoiceFilter),
)


class Resolution(serializers.Serializer[Any]):
    """How a difference is explained, and posted."""

    resolution = serializers.ChoiceField(
        choices=ReconciliationDifference.Resolution.choices
    )
    note = serializers.CharField(max_length=200, required=False, default="")


class _DeedView(IdempotentMixin, OperatorScopedView):
    """Something done to one of the operator's rows."""

    permission_classes = (HasScope(MONEY),)
    model: type[Model]

    def _row(self, row_id: int) -> Any:  # noqa: ANN401 - of any model
        rows = self.model._default_manager.filter(  # noqa: SLF001 - public by name
            operator_id__in=self.operator_ids
        )
        found = rows.select_related("operator").filter(pk=row_id).first()
        if found is None:
            raise NotFound
        return found

    def _by(self, request: Request) -> str:
        return str(request.user.pk)


def deed_view(
    model: type[Model],
    shape: type[serializers.BaseSerializer[Any]],
    operation_id: str,
    what: str,
    deed: Callable[[Any, str, datetime], object],
) -> type[_DeedView]:
    """A view whose POST does ``deed(row, by, at)`` and shows the row after it."""

    class _Deed(_DeedView):
        @extend_schema(
            operation_id=operation_id,
            description=what,
            request=None,
            responses={202: shape},
        )
        def post(self, request: Request, row_id: int) -> Response:
            row = self._row(row_id)
            deed(row, self._by(request), timezone.now())
            return Response(shape(self._row(row_id)).data, status=202)

    _Deed.model = model
    _Deed.__doc__ = what
    return _Deed


class ResolveView(_DeedView):
    """The decision about a difference."""

    model = ReconciliationDifference

    @extend_schema(
        operation_id="resolve_difference",
        request=Resolution,
        responses={200: DifferenceRow},
    )
    def post(self, request: Request, row_id: int) -> Response:
        """Post what explains the difference, and close it."""
        form = Resolution(data=request.data)
        form.is_valid(raise_exception=True)
        row = self._row(row_id)
        resolving.resolve_by_hand(
            difference_id=row.pk,
            by=self._by(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(DifferenceRow(self._row(row_id)).data)


CollectView = deed_view(
    Receivable,
    ReceivableRow,
    "collect_receivable",
    "Collect a debt now with the driver's payment method.",
    lambda row, by, at: receivables.collect(receivable_id=row.pk, at=at),  # noqa: ARG005
)
WriteOffView = deed_view(
    Receivable,
    ReceivableRow,
    "write_off_receivable",
    "Give a debt up.",
    lambda row, by, at: receivables.write_off(receivable_id=row.pk, by=by, at=at),
)
EvidenceView = deed_view(
    Dispute,
    DisputeRow,
    "send_dispute_evidence",
    "Send the gathered evidence to the bank, once and for all.",
    lambda row, by, at: disputes.submit(dispute_id=row.pk, by=by, at=at),
)
AskView = deed_view(
    PayeeAccount,
    PayeeRow,
    "refresh_payee_account",
    "Ask the provider how the account stands; a worker does it in a moment.",
    lambda row, by, at: payees.ask_again(payee_account_id=row.pk),  # noqa: ARG005
)
CompareView = deed_view(
    PayeeAccount,
    PayeeRow,
    "reconcile_payee_account",
    "Compare the account with the provider's report; a worker does it in a moment.",
    lambda row, by, at: ask_to_compare(payee_account_id=row.pk, by=by, at=at),
)

BASE = "api/v1/operator"
urlpatterns = [
    *(path(f"{BASE}/{table.name}", list_view(table).as_view()) for table in TABLES),
    path(f"{BASE}/receivables/<int:row_id>/collect", CollectView.as_view()),
    path(f"{BASE}/receivables/<int:row_id>/write-off", WriteOffView.as_view()),
    path(f"{BASE}/disputes/<int:row_id>/evidence", EvidenceView.as_view()),
    path(f"{BASE}/payee-accounts/<int:row_id>/refresh", AskView.as_view()),
    path(f"{BASE}/payee-accounts/<int:row_id>/reconcile", CompareView.as_view()),
    path(
        f"{BASE}/reconciliation-differences/<int:row_id>/resolve",
        ResolveView.as_view(),
    ),
]
