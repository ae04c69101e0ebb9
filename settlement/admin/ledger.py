"""The books: accounts with their balances, entries with their lines."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    OperatorFilter,
    PageAdmin,
    link,
    order_url,
    utc,
)
from cpms.accounts.exports import ExportAdmin, amount, field
from cpms.accounts.models import Operator
from settlement.admin.shared import MONEY_ROLES, MoneyAdmin, money
from settlement.models import LedgerAccount, LedgerEntry, LedgerLine

LINES_SHOWN: Final = 100
"""Lines of an account on one page."""


def _with_book(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The platform's book has no operator, so a join would hide its rows."""
    name = Operator.objects.filter(pk=OuterRef("operator_id")).values("name")
    found: QuerySet[Any] = rows.annotate(book_name=Subquery(name))
    return found


@admin.register(LedgerAccount)
class LedgerAccountAdmin(PageAdmin, MoneyAdmin):
    """The trial balance; each account's page has its lines and how it grew."""

    page_template = "settlement/ledger_account.html"
    action_roles = MONEY_ROLES
    list_display = ("code", "type", "balance", "book")
    list_filter = (
        ("type", ChoicesDropdownFilter),
        ("currency", admin.AllValuesFieldListFilter),
        OperatorFilter,
    )
    search_fields = ("code",)
    ordering = ("operator_id", "currency", "code")
    exclude = ("operator",)
    list_before_template = "settlement/trial_balance.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With balance and book."""
        total = (
            LedgerLine.objects.filter(account=OuterRef("pk"))
            .order_by()
            .values("account")
            .annotate(total=Sum("amount_minor"))
            .values("total")
        )
        rows = _with_book(super().get_queryset(request))
        found: QuerySet[Any] = rows.annotate(balance_minor=Subquery(total))
        return found

    def page(self, request: HttpRequest, row: Any) -> dict[str, Any]:  # noqa: ANN401 - annotated
        """A page of lines, the newest first, each with the balance after it."""
        rows = LedgerLine.objects.filter(account=row).order_by("-pk")
        before = request.GET.get("before", "")
        if before.isdecimal():
            rows = rows.filter(pk__lt=int(before))
        lines = list(rows.select_related("entry")[: LINES_SHOWN + 1])
        shown, running = lines[:LINES_SHOWN], []
        if shown:
            upto = LedgerLine.objects.filter(account=row, pk__lte=shown[0].pk)
            balance = upto.aggregate(total=Sum("amount_minor"))["total"]
            for line in shown:
                running.append({"line": line, "balance": money(balance, row.currency)})
                balance -= line.amount_minor
        return {
            "lines": running,
            "balance": money(row.balance_minor or 0, row.currency),
            "older": shown[-1].pk if len(lines) > LINES_SHOWN else None,
            "newest": not before,
        }

    @display(description=_("Balance (debit > 0)"), ordering="balance_minor")  # type: ignore[untyped-decorator]
    def balance(self, row: Any) -> str:  # noqa: ANN401 - annotated
        """The sum of its lines."""
        return money(row.balance_minor or 0, row.currency)

    @display(description=_("Book"), ordering="book_name")  # type: ignore[untyped-decorator]
    def book(self, row: Any) -> str:  # noqa: ANN401 - annotated
        """Whose book it is in."""
        return row.book_name or "Platform"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Above the list: what each currency adds up to, by type of account."""
        rows = (
            self.get_queryset(request)
            .order_by("currency", "type")
            .values("currency", "type")
            .annotate(total=Sum("balance_minor"))
        )
        sums: dict[str, dict[str, str]] = {}
        totals: dict[str, int] = {}
        for row in rows:
            currency, total = row["currency"], row["total"] or 0
            sums.setdefault(currency, {})[row["type"]] = money(total, currency)
            totals[currency] = totals.get(currency, 0) + total
        trial = [
            {
                "currency": currency,
                "types": types,
                "total": money(totals[currency], currency),
                "balanced": totals[currency] == 0,
            }
            for currency, types in sums.items()
        ]
        context = {**(extra_context or {}), "trial_balance": trial}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]  # untyped


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ExportAdmin, PageAdmin, MoneyAdmin):
    """Entries; corrections are reversing entries."""

    page_template = "settlement/ledger_entry.html"
    export_model = LedgerLine
    export_key = "entry_id"
    export_related = ("entry", "account")
    export_columns = (
        field("entry_id", "entry"),
        field("entry.source", "source"),
        field("entry.key", "key"),
        field("entry.order_number", "order"),
        field("entry.effective_at", "effective_at"),
        field("account.code", "account"),
        amount("amount_minor"),
        field("currency"),
    )
    action_roles = MONEY_ROLES
    list_display = ("source", "key", "order", "effective", "book")
    list_filter = (("source", admin.AllValuesFieldListFilter), OperatorFilter)
    search_fields = ("order_number", "key")
    search_help_text = _("Order number or key")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With its book."""
        return _with_book(super().get_queryset(request))

    def page(self, request: HttpRequest, row: LedgerEntry) -> dict[str, Any]:
        """The legs of the entry."""
        del request
        lines = LedgerLine.objects.filter(entry=row).order_by("pk")
        return {"lines": list(lines.select_related("account"))}

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: LedgerEntry) -> str:
        """The order that it is about."""
        return link(order_url(row.order_number), row.order_number)

    @display(description=_("Effective (UTC)"), ordering="effective_at")  # type: ignore[untyped-decorator]
    def effective(self, row: LedgerEntry) -> str:
        """When it counts."""
        return utc(row.effective_at)

    @display(description=_("Book"), ordering="book_name")  # type: ignore[untyped-decorator]
    def book(self, row: Any) -> str:  # noqa: ANN401 - annotated
        """Whose book it is in."""
        return row.book_name or "Platform"
