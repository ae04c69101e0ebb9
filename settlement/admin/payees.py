"""Payee accounts."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from cpms.accounts.admin_pages import OperatorFilter, utc
from settlement.admin.shared import MoneyAdmin, who
from settlement.models import PayeeAccount
from settlement.services import reconciliation
from settlement.services.payees import ask_again


@admin.register(PayeeAccount)
class PayeeAccountAdmin(MoneyAdmin):
    """Where operators' money arrives, and whether it can."""

    list_display = (
        "reference",
        "provider",
        "currency",
        "is_default",
        "takes_payments",
        "due",
        "key",
        "checked",
        "operator",
    )
    list_filter = ("charges_enabled", "is_default", OperatorFilter)
    search_fields = ("reference",)
    list_select_related = ("operator",)
    ordering = ("operator", "currency", "-is_default")
    exclude = (
        "events_after",
        "books_after",
        "sealed_key",
        "sealed_webhook_secret",
        "sealed_former_webhook_secret",
    )
    actions = ("ask_provider", "compare")

    @display(description=_("Takes payments"), boolean=True, ordering="charges_enabled")  # type: ignore[untyped-decorator]
    def takes_payments(self, row: PayeeAccount) -> bool:
        """What the provider said last."""
        return row.charges_enabled

    @display(description=_("The provider wants"))  # type: ignore[untyped-decorator]
    def due(self, row: PayeeAccount) -> str:
        """What is missing, and why it was blocked."""
        return ", ".join(filter(None, [row.disabled_reason, *row.requirements_due]))

    @display(description=_("Key"), ordering="key_ending")  # type: ignore[untyped-decorator]
    def key(self, row: PayeeAccount) -> str:
        """The last characters of the operator's own key; none: the platform's."""
        return f"…{row.key_ending}" if row.key_ending else ""

    @display(description=_("Checked (UTC)"), ordering="checked_at")  # type: ignore[untyped-decorator]
    def checked(self, row: PayeeAccount) -> str:
        """When the provider was asked last."""
        return utc(row.checked_at)

    @admin.action(description=_("Ask the provider again"))
    def ask_provider(
        self, request: HttpRequest, queryset: QuerySet[PayeeAccount]
    ) -> None:
        """A worker asks; the list shows its answer in a moment."""
        self.act(
            request,
            queryset,
            lambda row: ask_again(payee_account_id=row.pk),
            done=_("accounts are being asked for; reload in a moment"),
        )

    @admin.action(description=_("Compare with the provider's report now"))
    def compare(self, request: HttpRequest, queryset: QuerySet[PayeeAccount]) -> None:
        """A worker compares; what differs comes to the reconciliation's work list."""
        self.act(
            request,
            queryset,
            lambda row: reconciliation.ask(
                payee_account_id=row.pk, by=who(request), at=timezone.now()
            ),
            done=_("accounts are being compared; reload in a moment"),
        )
