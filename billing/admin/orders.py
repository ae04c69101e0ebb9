"""Orders with their whole story on one page; CDRs; receipts."""

from typing import Any, ClassVar

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from billing.models import Cdr, Order, Receipt
from billing.services.story import story_of
from cpms.accounts.admin import OperatorScopedAdmin
from cpms.kernel.money import format_minor


@admin.register(Order)
class OrderAdmin(OperatorScopedAdmin):
    """Certificate → claim → hold → start → meter → price → capture → split → ledger."""

    list_display = (
        "number",
        "operator",
        "charge_point",
        "started_by",
        "state",
        "payment_state",
        "energy_kwh",
        "amount",
        "created_at",
    )
    list_filter = ("state", "payment_state", "started_by", "operator")
    search_fields = ("number", "charge_point", "id_token")
    date_hierarchy = "created_at"
    list_select_related = ("operator",)
    ordering = ("-id",)
    fields: ClassVar[Any] = ("story",)
    readonly_fields = ("story",)

    @admin.display(description="Energy")
    def energy_kwh(self, order: Order) -> str:
        """Energy for people."""
        return "" if order.energy_wh is None else f"{order.energy_wh / 1000:.3f} kWh"

    @admin.display(description="Amount")
    def amount(self, order: Order) -> str:
        """Amount for people."""
        if order.amount_minor is None:
            return ""
        return format_minor(order.amount_minor, order.currency)

    @admin.display(description="")
    def story(self, order: Order) -> SafeString:
        """The whole story, rendered by a template that escapes every value."""
        page = render_to_string("billing/order_story.html", {"story": story_of(order)})
        return mark_safe(page)  # noqa: S308 - the template escapes


@admin.register(Cdr)
class CdrAdmin(OperatorScopedAdmin):
    """Charge detail records."""

    list_display = ("order", "sequence", "operator", "energy_wh", "amount_minor")
    search_fields = ("order__number",)
    list_select_related = ("order", "operator")


@admin.register(Receipt)
class ReceiptAdmin(OperatorScopedAdmin):
    """Receipts."""

    list_display = ("number", "operator", "order", "issued_at")
    search_fields = ("order__number",)
    list_select_related = ("order", "operator")
