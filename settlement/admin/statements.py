"""Statements of the splits' parties, and what own-key operators owe the platform."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Min, QuerySet, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from cpms.accounts.admin import request_operator_ids
from cpms.accounts.admin_pages import (
    OperatorFilter,
    framed,
    link,
    order_url,
    utc,
)
from cpms.accounts.models import Operator
from settlement.admin.shared import MoneyAdmin, money, who
from settlement.admin.statement_page import StatementForm, as_file, on_page
from settlement.models import PlatformInvoice, SplitLine
from settlement.services import platform_fees
from settlement.services.statements import Period


@admin.register(SplitLine)
class SplitLineAdmin(MoneyAdmin):
    """What each party got; above the list the sums of what is shown."""

    list_display = ("when", "order", "kind", "name", "role", "amount", "operator")
    list_filter = (
        ("at", admin.DateFieldListFilter),
        ("party", admin.AllValuesFieldListFilter),
        ("kind", ChoicesDropdownFilter),
        OperatorFilter,
    )
    search_fields = ("order_number", "party", "name")
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("as_csv", "as_json")
    list_before_template = "settlement/statement.html"

    def get_urls(self) -> list[URLPattern]:
        """The statement of a period beside the list."""
        own = path(
            "statement/",
            self.admin_site.admin_view(self.statement_view),
            name="settlement_splitline_statement",
        )
        return [own, *super().get_urls()]

    def statement_view(self, request: HttpRequest) -> HttpResponseBase:
        """A period as page, or to take away as CSV or JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        operators = Operator.objects.order_by("name")
        if not request.user.is_superuser:
            operators = operators.filter(pk__in=request_operator_ids(request))
        asked = request.GET if "operator" in request.GET else None
        form = StatementForm(asked, operators=operators, today=timezone.now().date())
        found: dict[str, Any] = {}
        if asked is not None and form.is_valid():
            kind = asked.get("format", "")
            if kind in {"csv", "json"}:
                return as_file(form.period(), kind)
            found = on_page(form.period())
        return framed(
            self,
            request,
            "settlement/statement_page.html",
            title=_("Statement"),
            form=form,
            query=request.GET.urlencode(),
            **found,
        )

    @display(description=_("At (UTC)"), ordering="at")  # type: ignore[untyped-decorator]
    def when(self, row: SplitLine) -> str:
        """When it was captured or given back."""
        return utc(row.at)

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: SplitLine) -> str:
        """The order that it is a share of."""
        return link(order_url(row.order_number), row.order_number)

    @display(description=_("Share"), ordering="amount_minor")  # type: ignore[untyped-decorator]
    def amount(self, row: SplitLine) -> str:
        """Got, or given back (negative)."""
        return money(row.amount_minor, row.currency)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Above the list: every party's sum of what the filters leave."""
        shown = self.get_changelist_instance(request).get_queryset(request)
        sums = (
            shown.order_by("operator__name", "party", "currency")
            .values("operator__name", "party", "role", "currency")
            .annotate(total=Sum("amount_minor"))
        )
        rows = [
            {
                "operator": row["operator__name"],
                "party": row["party"],
                "role": row["role"],
                "total": money(row["total"], row["currency"]),
            }
            for row in sums
        ]
        context = {**(extra_context or {}), "statement": rows}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]  # untyped

    @admin.action(description=_("Statement of these days and operator as CSV"))
    def as_csv(
        self, request: HttpRequest, queryset: QuerySet[SplitLine]
    ) -> HttpResponseBase:
        """All lines of the operator of the chosen rows, over their days."""
        del request
        return as_file(self._period(queryset), "csv")

    @admin.action(description=_("Statement of these days and operator as JSON"))
    def as_json(
        self, request: HttpRequest, queryset: QuerySet[SplitLine]
    ) -> HttpResponseBase:
        """The same with each party's totals."""
        del request
        return as_file(self._period(queryset), "json")

    @staticmethod
    def _period(queryset: QuerySet[SplitLine]) -> Period:
        """The days of the chosen rows, and the operator of the newest of them."""
        newest = queryset.order_by("-pk")[0]
        days = queryset.filter(operator_id=newest.operator_id).aggregate(
            first=Min("at"), last=Max("at")
        )
        begins = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
        return Period(
            newest.operator_id,
            days["first"].replace(**begins),
            days["last"].replace(**begins) + timedelta(days=1),
        )


@admin.register(PlatformInvoice)
class PlatformInvoiceAdmin(MoneyAdmin):
    """The platform's fees of operators with an own key."""

    list_display = ("number", "fee", "charges", "state", "issued", "operator")
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("number",)
    list_select_related = ("operator",)
    ordering = ("-id",)
    actions = ("paid",)

    @display(description=_("Fee"), ordering="fee_minor")  # type: ignore[untyped-decorator]
    def fee(self, row: PlatformInvoice) -> str:
        """What the operator owes for the month."""
        return money(row.fee_minor, row.currency)

    @display(description=_("Issued (UTC)"), ordering="issued_at")  # type: ignore[untyped-decorator]
    def issued(self, row: PlatformInvoice) -> str:
        """When."""
        return utc(row.issued_at)

    @admin.action(description=_("The transfer arrived"))
    def paid(self, request: HttpRequest, queryset: QuerySet[PlatformInvoice]) -> None:
        """Only the platform says what arrived at its bank."""
        if not request.user.is_superuser:
            self.message_user(request, _("Only platform staff can do this."), "error")
            return
        self.act(
            request,
            queryset,
            lambda row: platform_fees.mark_paid(
                invoice_id=row.pk, by=who(request), at=timezone.now()
            ),
            done=_("invoices were paid"),
        )
