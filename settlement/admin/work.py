"""Work lists: debts of drivers, and the provider's own lines."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    OperatorFilter,
    utc,
)
from settlement.admin.shared import MoneyAdmin, OrderMoneyAdmin, money, who
from settlement.models import (
    ProviderTransaction,
    Receivable,
)
from settlement.services import receivables


@admin.register(Receivable)
class ReceivableAdmin(OrderMoneyAdmin):
    """What drivers owe."""

    list_display = ("opened", "order", "status", "amount", "reason", "operator")
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("order_number",)
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("collect_now", "give_up")

    @display(description=_("Amount"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, row: Receivable) -> str:
        """How much."""
        return money(row.amount_minor, row.currency)

    @display(description=_("Opened (UTC)"), ordering="opened_at")  # type: ignore[untyped-decorator]
    def opened(self, row: Receivable) -> str:
        """Since when."""
        return utc(row.opened_at)

    @admin.action(description=_("Collect now with the driver's payment method"))
    def collect_now(self, request: HttpRequest, queryset: QuerySet[Receivable]) -> None:
        """Ask for the debts."""
        self.act(
            request,
            queryset,
            lambda row: receivables.collect(receivable_id=row.pk, at=timezone.now()),
            done=_("debts are being collected"),
        )

    @admin.action(description=_("Give up (write off)"))
    def give_up(self, request: HttpRequest, queryset: QuerySet[Receivable]) -> None:
        """Book the debts as lost."""
        self.act(
            request,
            queryset,
            lambda row: receivables.write_off(
                receivable_id=row.pk, by=who(request), at=timezone.now()
            ),
            done=_("debts were given up"),
        )


@admin.register(ProviderTransaction)
class ProviderTransactionAdmin(MoneyAdmin):
    """The provider's own lines."""

    list_display = (
        "reference",
        "type",
        "amount",
        "fee",
        "net",
        "happened",
        "explained",
        "operator",
    )
    list_filter = (
        ("type", admin.AllValuesFieldListFilter),
        ("matched_at", admin.EmptyFieldListFilter),
        OperatorFilter,
    )
    search_fields = ("reference", "source_ref")
    list_select_related = ("operator",)
    ordering = ("-id",)

    @display(description=_("Amount"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, row: ProviderTransaction) -> str:
        """Before fees."""
        return money(row.amount_minor, row.currency)

    @display(description=_("Provider's fee"), ordering="provider_fee_minor")  # type: ignore[untyped-decorator]
    def fee(self, row: ProviderTransaction) -> str:
        """What the provider took."""
        return money(row.provider_fee_minor, row.currency)

    @display(description=_("Net"), ordering="net_minor")  # type: ignore[untyped-decorator]
    def net(self, row: ProviderTransaction) -> str:
        """By how much the balance grew."""
        return money(row.net_minor, row.currency)

    @display(description=_("Happened (UTC)"), ordering="happened_at")  # type: ignore[untyped-decorator]
    def happened(self, row: ProviderTransaction) -> str:
        """When, in UTC."""
        return utc(row.happened_at)

    @display(description=_("Explained"), boolean=True)  # type: ignore[untyped-decorator]
    def explained(self, row: ProviderTransaction) -> bool:
        """Whether our books say the same."""
        return row.matched_at is not None
