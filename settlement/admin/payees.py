"""Payee accounts and split agreements."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from cpms.accounts.admin_pages import OperatorFilter, utc
from settlement.admin.shared import MoneyAdmin, ReadOnlyInline
from settlement.models import PayeeAccount, SplitAgreement, SplitParty
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
    )
    actions = ("ask_provider",)

    @display(description=_("Takes payments"), boolean=True, ordering="charges_enabled")  # type: ignore[untyped-decorator]
    def takes_payments(self, row: PayeeAccount) -> bool:
        """What the provider said last."""
        return row.charges_enabled

    @display(description=_("The provider wants"))  # type: ignore[untyped-decorator]
    def due(self, row: PayeeAccount) -> str:
        """What is missing, and why it was blocked."""
        return ", ".join(filter(None, [row.disabled_reason, *row.requirements_due]))

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


class PartyInline(ReadOnlyInline):
    """Who gets what."""

    model = SplitParty
    fields = (
        "position",
        "key",
        "name",
        "role",
        "basis_points",
        "fixed_minor",
        "min_minor",
        "max_minor",
    )


@admin.register(SplitAgreement)
class SplitAgreementAdmin(MoneyAdmin):
    """Agreements (made by ``manage.py create_split_agreement``)."""

    list_display = (
        "name",
        "site_id",
        "charge_point",
        "valid_from",
        "valid_until",
        "operator",
    )
    list_filter = (OperatorFilter,)
    list_select_related = ("operator",)
    ordering = ("-valid_from",)
    inlines = (PartyInline,)
