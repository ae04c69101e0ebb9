"""Orders with their whole story on one page; CDRs; receipts."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from billing.admin import decisions
from billing.models import Cdr, Order, Receipt
from billing.queries import not_going_on
from billing.services.story import story_of
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    kilo,
    link,
    list_url,
    order_url,
    state,
    utc,
)
from cpms.accounts.exports import ExportAdmin, amount, field
from cpms.accounts.models import Membership
from cpms.kernel.money import format_minor
from cpms.kernel.zones import zone_named


class CorrectionFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Billed charges whose late facts wait for a person."""

    title = _("correction")
    parameter_name = "correction"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, Any]]:
        """One choice."""
        del request, model_admin
        return [("waits", _("waits for a decision"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Order]
    ) -> QuerySet[Order]:
        """Filter."""
        del request
        if self.value() != "waits":
            return queryset
        return queryset.exclude(correction_reason="")


class StuckFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """Orders without a move for longer than their state allows."""

    title = _("progress")
    parameter_name = "progress"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, Any]]:
        """One choice."""
        del request, model_admin
        return [("stuck", _("does not go on"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Order]
    ) -> QuerySet[Order]:
        """Filter."""
        del request
        if self.value() != "stuck":
            return queryset
        return queryset.filter(not_going_on(timezone.now()))


@admin.register(Order)
class OrderAdmin(ExportAdmin, PageAdmin):
    """Certificate → claim → hold → start → meter → price → capture → split → ledger."""

    page_template = "billing/order_story.html"
    action_roles = frozenset({str(Membership.Role.FINANCE.value)})
    export_related = ("operator",)
    export_columns = (
        field("number"),
        field("operator.code", "operator"),
        field("charge_point"),
        field("evse"),
        field("connector"),
        field("started_by"),
        field("state"),
        field("payment_state"),
        field("created_at"),
        field("started_at"),
        field("ended_at"),
        field("energy_wh"),
        amount("amount_minor"),
        field("currency"),
        field("tariff_hash"),
    )
    list_display = (
        "number",
        "charge_point",
        "started_by",
        "status",
        "payment",
        "energy_kwh",
        "amount",
        "created",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("payment_state", ChoicesDropdownFilter),
        ("started_by", ChoicesDropdownFilter),
        CorrectionFilter,
        StuckFilter,
        OperatorFilter,
    )
    search_fields = ("number", "charge_point", "id_token")
    search_help_text = _("Order number, charge point or token")
    date_hierarchy = "created_at"
    list_select_related = ("operator",)
    ordering = ("-id",)

    @display(description=_("Created (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def created(self, row: Order) -> str:
        """When, in UTC."""
        return utc(row.created_at)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, order: Order) -> tuple[str, str]:
        """Where it stands."""
        return state(order.state)

    @display(description=_("Payment"), label=TONES, ordering="payment_state")  # type: ignore[untyped-decorator]
    def payment(self, order: Order) -> tuple[str, str]:
        """Where its payment stands."""
        return state(order.payment_state)

    @display(description=_("Energy"), ordering="energy_wh")  # type: ignore[untyped-decorator]
    def energy_kwh(self, order: Order) -> str:
        """Energy for people."""
        return kilo(order.energy_wh, "kWh")

    @display(description=_("Amount"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, order: Order) -> str:
        """Amount for people."""
        if order.amount_minor is None:
            return ""
        return format_minor(order.amount_minor, order.currency)

    def get_urls(self) -> list[URLPattern]:
        """An order is found by its number, too: that is what other rooms know."""
        by_number = path(
            "by-number/<str:number>/",
            self.admin_site.admin_view(self.by_number),
            name="order_by_number",
        )
        decision = path(
            "<int:pk>/decide/",
            self.admin_site.admin_view(self.decide_view),
            name="billing_order_decide",
        )
        return [by_number, decision, *super().get_urls()]

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A person's decision about what is billed."""
        row = self.row_or_404(request, pk)
        may_act = self.may_act_on(request, row)
        answer = decisions.decide(request, row, may_act=may_act)
        if isinstance(answer, HttpResponse):
            return answer
        context = {**self.page(request, row), "decision": answer}
        return self.render(request, self.page_template, row, **context)

    def by_number(self, request: HttpRequest, number: str) -> HttpResponse:
        """To the page of the order with this number, if the user may see it.

        Raises:
            Http404: there is no such order among the user's own.
        """
        row = self.get_queryset(request).filter(number=number.upper()).first()
        if row is None:
            raise Http404("There is no such order.")
        return HttpResponseRedirect(
            reverse("admin:billing_order_change", args=[row.pk])
        )

    def page(self, request: HttpRequest, row: Order) -> dict[str, Any]:
        """The whole story."""
        del request
        asked = decisions.can_be_decided(row)
        return {
            "decision": decisions.DecisionForm() if asked else None,
            "story": story_of(row),
            "zone": zone_named(row.time_zone),
            "transactions_url": list_url("charge_points_transaction", q=row.number),
            "certificates_url": list_url(
                "charge_points_chargingcertificate", q=row.certificate_jti
            ),
        }


@admin.register(Cdr)
class CdrAdmin(PageAdmin):
    """Charge detail records; each is shown within its order's story."""

    page_template = "billing/cdr.html"
    list_display = (
        "__str__",
        "of_order",
        "sequence",
        "energy_kwh",
        "amount",
        "written",
        "operator",
    )
    list_filter = (OperatorFilter,)
    search_fields = ("=order__number",)
    list_select_related = ("order", "operator")
    ordering = ("-id",)

    @display(description=_("Order"))  # type: ignore[untyped-decorator]
    def of_order(self, row: Cdr) -> str:
        """With the way to its story."""
        return link(order_url(row.order.number), row.order.number)

    @display(description=_("Energy"), ordering="energy_wh")  # type: ignore[untyped-decorator]
    def energy_kwh(self, row: Cdr) -> str:
        """Energy for people."""
        return kilo(row.energy_wh, "kWh")

    @display(description=_("Amount"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, row: Cdr) -> str:
        """Amount for people."""
        return format_minor(row.amount_minor, row.currency)

    @display(description=_("Written (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def written(self, row: Cdr) -> str:
        """When, in UTC."""
        return utc(row.created_at)

    def page(self, request: HttpRequest, row: Cdr) -> dict[str, Any]:
        """The record as it goes to others."""
        del request
        return {"zone": zone_named(row.order.time_zone)}


@admin.register(Receipt)
class ReceiptAdmin(ExportAdmin, PageAdmin):
    """Receipts with their gap-free numbers."""

    page_template = "billing/receipt.html"
    export_related = ("operator", "order", "cdr")
    export_columns = (
        field("number"),
        field("operator.code", "operator"),
        field("order.number", "order"),
        field("issued_at"),
        field("order.charge_point", "charge_point"),
        field("order.energy_wh", "energy_wh"),
        amount("cdr.amount_minor", "cdr.currency"),
        field("cdr.currency", "currency"),
    )
    list_display = ("number", "of_order", "amount", "issued", "operator")
    list_filter = (OperatorFilter,)
    search_fields = ("=order__number", "=number")
    list_select_related = ("order", "operator", "cdr")
    date_hierarchy = "issued_at"
    ordering = ("-issued_at",)

    @display(description=_("Order"))  # type: ignore[untyped-decorator]
    def of_order(self, row: Receipt) -> str:
        """With the way to its story."""
        return link(order_url(row.order.number), row.order.number)

    @display(description=_("Amount"))  # type: ignore[untyped-decorator]
    def amount(self, row: Receipt) -> str:
        """What the driver paid."""
        return format_minor(row.cdr.amount_minor, row.cdr.currency)

    @display(description=_("Issued (UTC)"), ordering="issued_at")  # type: ignore[untyped-decorator]
    def issued(self, row: Receipt) -> str:
        """When, in UTC."""
        return utc(row.issued_at)

    def page(self, request: HttpRequest, row: Receipt) -> dict[str, Any]:
        """What the driver got."""
        del request
        return {"zone": zone_named(row.order.time_zone)}
