"""Corrected bills: where their money is, and what only a person can settle."""

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
from settlement.admin.shared import OrderMoneyAdmin, money, who
from settlement.models import Correction
from settlement.services import corrections


@admin.register(Correction)
class CorrectionAdmin(OrderMoneyAdmin):
    """By how much bills changed, and whether the money followed."""

    list_display = (
        "asked",
        "order",
        "status",
        "difference",
        "rest",
        "note",
        "reason",
        "operator",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("order_number",)
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("ask_again", "settled_elsewhere")

    @display(description=_("Difference"), ordering="difference_minor")  # type: ignore[untyped-decorator]
    def difference(self, row: Correction) -> str:
        """By how much the bill changed."""
        return money(row.difference_minor, row.currency)

    @display(description=_("Still to move"))  # type: ignore[untyped-decorator]
    def rest(self, row: Correction) -> str:
        """What of it is not settled."""
        return money(row.rest_minor or None, row.currency)

    @display(description=_("Asked (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def asked(self, row: Correction) -> str:
        """Since when."""
        return utc(row.created_at)

    @admin.action(description=_("Give back once more"))
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Correction]) -> None:
        """Let stuck corrections go on."""
        self.act(
            request,
            queryset,
            lambda row: corrections.try_again(
                correction_id=row.pk, by=who(request), at=timezone.now()
            ),
            done=_("corrections go on"),
        )

    @admin.action(description=_("Settled another way"))
    def settled_elsewhere(
        self, request: HttpRequest, queryset: QuerySet[Correction]
    ) -> None:
        """End stuck corrections that somebody settled."""
        self.act(
            request,
            queryset,
            lambda row: corrections.settle_elsewhere(
                correction_id=row.pk,
                note=f"by {who(request)}",
                by=who(request),
                at=timezone.now(),
            ),
            done=_("corrections were settled another way"),
        )
