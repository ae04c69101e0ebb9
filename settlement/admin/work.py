"""Work lists: debts of drivers, and where the provider's books differ from ours."""

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
    link,
    order_url,
    state,
    utc,
)
from settlement.admin.shared import MoneyAdmin, money, who
from settlement.models import (
    ProviderTransaction,
    Receivable,
    ReconciliationDifference,
)
from settlement.services import receivables
from settlement.services.resolving import resolve_by_hand


@admin.register(Receivable)
class ReceivableAdmin(MoneyAdmin):
    """What drivers owe."""

    list_display = ("opened", "order", "status", "amount", "reason", "operator")
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("order_number",)
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("collect_now", "give_up")

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: Receivable) -> str:
        """The order that it is for."""
        return link(order_url(row.order_number), row.order_number)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: Receivable) -> tuple[str, str]:
        """Where it stands."""
        return state(row.state)

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


_RESOLUTION = ReconciliationDifference.Resolution


@admin.register(ReconciliationDifference)
class ReconciliationDifferenceAdmin(MoneyAdmin):
    """Where the provider's books and ours differ."""

    list_display = (
        "kind",
        "reference",
        "order",
        "ours",
        "theirs",
        "found",
        "resolved",
        "operator",
    )
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("resolved_at", admin.EmptyFieldListFilter),
        OperatorFilter,
    )
    search_fields = ("reference", "order_number")
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = (
        "as_provider_fee",
        "as_capture",
        "as_refund",
        "as_bank",
        "as_loss",
        "as_other",
    )

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: ReconciliationDifference) -> str:
        """The order that it is about."""
        return link(order_url(row.order_number), row.order_number)

    @display(description=_("Ours"))  # type: ignore[untyped-decorator]
    def ours(self, row: ReconciliationDifference) -> str:
        """What our books say."""
        return money(row.ours_minor, row.currency)

    @display(description=_("Theirs"))  # type: ignore[untyped-decorator]
    def theirs(self, row: ReconciliationDifference) -> str:
        """What the provider says."""
        return money(row.theirs_minor, row.currency)

    @display(description=_("Found (UTC)"), ordering="found_at")  # type: ignore[untyped-decorator]
    def found(self, row: ReconciliationDifference) -> str:
        """Since when."""
        return utc(row.found_at)

    @display(description=_("Resolution"), ordering="resolved_at")  # type: ignore[untyped-decorator]
    def resolved(self, row: ReconciliationDifference) -> str:
        """How it was closed."""
        return row.resolution

    @admin.action(description=_("Post as a fee of the provider"))
    def as_provider_fee(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationDifference]
    ) -> None:
        """The provider took it for its work."""
        self._resolve(request, queryset, _RESOLUTION.PROVIDER_FEE)

    @admin.action(description=_("Post as income that was taken elsewhere"))
    def as_capture(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationDifference]
    ) -> None:
        """The operator took money without an order of ours."""
        self._resolve(request, queryset, _RESOLUTION.FOREIGN_CAPTURE)

    @admin.action(description=_("Post as a refund that was made elsewhere"))
    def as_refund(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationDifference]
    ) -> None:
        """The operator gave money back without a refund of ours."""
        self._resolve(request, queryset, _RESOLUTION.FOREIGN_REFUND)

    @admin.action(description=_("Post as a transfer to or from the bank"))
    def as_bank(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationDifference]
    ) -> None:
        """The money went to the bank, or came from it."""
        self._resolve(request, queryset, _RESOLUTION.TRANSFER_TO_BANK)

    @admin.action(description=_("Post as a loss"))
    def as_loss(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationDifference]
    ) -> None:
        """Nobody will ever pay it."""
        self._resolve(request, queryset, _RESOLUTION.WRITTEN_OFF)

    @admin.action(description=_("Post as not yet explained"))
    def as_other(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationDifference]
    ) -> None:
        """Somebody looked; the books show it as open."""
        self._resolve(request, queryset, _RESOLUTION.OTHER)

    def _resolve(
        self,
        request: HttpRequest,
        queryset: QuerySet[ReconciliationDifference],
        resolution: ReconciliationDifference.Resolution,
    ) -> None:
        """One entry for each; the audit names who."""
        self.act(
            request,
            queryset,
            lambda row: resolve_by_hand(
                difference_id=row.pk,
                by=who(request),
                at=timezone.now(),
                resolution=resolution,
            ),
            done=_("differences were posted and closed"),
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
