"""Payments with every question to the provider and every move."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    link,
    order_url,
    state,
    utc,
)
from cpms.accounts.exports import ExportAdmin, amount, field
from settlement.admin.shared import (
    MONEY_ROLES,
    MoneyAdmin,
    OrderMoneyAdmin,
    money,
    who,
)
from settlement.models import (
    Dispute,
    Payment,
    PaymentAttempt,
    PaymentMove,
    Receivable,
    Refund,
    SplitLine,
)
from settlement.services import disputes
from settlement.services.refunds import request_refund


def _refund(row: Payment, request: HttpRequest, *, with_fee: bool) -> None:
    request_refund(
        payment_id=row.pk,
        amount_minor=None,
        reason="refunded in the admin",
        refund_application_fee=with_fee,
        # The same click twice is one refund; after a partial one it is another.
        key=f"admin-{row.refunded_minor}-{with_fee}",
        by=who(request),
        at=timezone.now(),
    )


@admin.register(Payment)
class PaymentAdmin(ExportAdmin, PageAdmin, OrderMoneyAdmin):
    """Holds, captures, releases, refunds."""

    page_template = "settlement/payment.html"
    export_related = ("operator",)
    export_columns = (
        field("order_number", "order"),
        field("sequence"),
        field("operator.code", "operator"),
        field("state"),
        field("created_at"),
        field("captured_at"),
        amount("hold_minor"),
        amount("captured_minor"),
        amount("application_fee_minor"),
        amount("refunded_minor"),
        field("currency"),
        field("provider"),
        field("provider_ref"),
        field("account_reference"),
    )
    action_roles = MONEY_ROLES
    list_display = (
        "created",
        "order",
        "status",
        "held",
        "captured",
        "fee",
        "refunded",
        "account_reference",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("provider", admin.AllValuesFieldListFilter),
        ("unowed_reason", admin.EmptyFieldListFilter),
        OperatorFilter,
    )
    search_fields = ("order_number", "provider_ref", "charge_ref", "account_reference")
    search_help_text = _("Order number or the provider's reference")
    date_hierarchy = "created_at"
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("refund_with_fee", "refund_without_fee")

    @display(description=_("Hold"), ordering="hold_minor")  # type: ignore[untyped-decorator]
    def held(self, row: Payment) -> str:
        """How much was held."""
        return money(row.hold_minor, row.currency)

    @display(description=_("Captured"), ordering="captured_minor")  # type: ignore[untyped-decorator]
    def captured(self, row: Payment) -> str:
        """How much arrived on the operator's account."""
        return money(row.captured_minor or None, row.currency)

    @display(description=_("Platform fee"), ordering="application_fee_minor")  # type: ignore[untyped-decorator]
    def fee(self, row: Payment) -> str:
        """What the platform took of it."""
        return money(row.application_fee_minor or None, row.currency)

    @display(description=_("Refunded"), ordering="refunded_minor")  # type: ignore[untyped-decorator]
    def refunded(self, row: Payment) -> str:
        """What went back."""
        return money(row.refunded_minor or None, row.currency)

    @display(description=_("Created (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def created(self, row: Payment) -> str:
        """When, in UTC."""
        return utc(row.created_at)

    def page(self, request: HttpRequest, row: Payment) -> dict[str, Any]:
        """Every move, every question to the provider, every share."""
        del request
        return {
            "moves": list(PaymentMove.objects.filter(payment=row).order_by("pk")),
            "attempts": list(PaymentAttempt.objects.filter(payment=row).order_by("pk")),
            "shares": list(SplitLine.objects.filter(payment=row).order_by("pk")),
            "refunds": list(Refund.objects.filter(payment=row).order_by("pk")),
            "debts": list(Receivable.objects.filter(payment=row).order_by("pk")),
            "disputes": list(Dispute.objects.filter(payment=row).order_by("pk")),
        }

    @admin.action(description=_("Refund what is left, with the platform's fee"))
    def refund_with_fee(
        self, request: HttpRequest, queryset: QuerySet[Payment]
    ) -> None:
        """Give everything back, the platform its fee too."""
        self.act(
            request,
            queryset,
            lambda row: _refund(row, request, with_fee=True),
            done=_("refunds were asked for"),
        )

    @admin.action(description=_("Refund what is left; the platform keeps its fee"))
    def refund_without_fee(
        self, request: HttpRequest, queryset: QuerySet[Payment]
    ) -> None:
        """Give everything back at the operator's cost."""
        self.act(
            request,
            queryset,
            lambda row: _refund(row, request, with_fee=False),
            done=_("refunds were asked for"),
        )


class _OfPayment(MoneyAdmin):
    """Lists whose rows belong to a payment."""

    list_select_related: ClassVar[Any] = ("operator", "payment")
    ordering: ClassVar[Any] = ("-id",)

    @display(description=_("Order"), ordering="payment__order_number")  # type: ignore[untyped-decorator]
    def order(self, row: Any) -> str:  # noqa: ANN401 - of several models
        """The order that was paid."""
        number = row.payment.order_number
        return link(order_url(number), number)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: Any) -> tuple[str, str]:  # noqa: ANN401 - of several models
        """Where it stands."""
        return state(row.state)


@admin.register(Refund)
class RefundAdmin(_OfPayment):
    """Money given back."""

    list_display = ("amount", "order", "status", "reason", "requested_by", "operator")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        OperatorFilter,
    )
    search_fields = ("payment__order_number", "provider_ref", "reason")

    @display(description=_("Amount"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, row: Refund) -> str:
        """How much went back."""
        return money(row.amount_minor, row.currency)


@admin.register(Dispute)
class DisputeAdmin(_OfPayment):
    """Payments that a bank took back."""

    list_display = (
        "provider_ref",
        "order",
        "amount",
        "status",
        "reason",
        "answer_by",
        "gathered",
        "operator",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("payment__order_number", "provider_ref")
    actions = ("send_evidence",)

    @display(description=_("Amount"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, row: Dispute) -> str:
        """How much the bank took back."""
        return money(row.amount_minor, row.currency)

    @display(description=_("Answer by (UTC)"), ordering="due_at")  # type: ignore[untyped-decorator]
    def answer_by(self, row: Dispute) -> str:
        """Until when evidence counts."""
        return utc(row.due_at)

    @display(description=_("Evidence"), boolean=True)  # type: ignore[untyped-decorator]
    def gathered(self, row: Dispute) -> bool:
        """Whether there is something to send."""
        return bool(row.evidence)

    @admin.action(description=_("Send the evidence to the bank (once and for all)"))
    def send_evidence(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> None:
        """A worker sends it; the list shows it as submitted in a moment."""
        self.act(
            request,
            queryset,
            lambda row: disputes.submit(
                dispute_id=row.pk, by=who(request), at=timezone.now()
            ),
            done=_("answers are being sent"),
        )
