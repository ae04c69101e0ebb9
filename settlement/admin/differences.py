"""Where the provider's books and ours differ: explained, posted, closed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    OperatorFilter,
    PageAdmin,
    link,
    list_url,
    order_url,
    utc,
)
from cpms.kernel.errors import DomainError
from settlement.admin.shared import MONEY_ROLES, MoneyAdmin, money, who
from settlement.models import ProviderTransaction, ReconciliationDifference
from settlement.services.resolving import NOTE_CHARS_MAX, resolve_by_hand

_RESOLUTION = ReconciliationDifference.Resolution


class ResolutionForm(forms.Form):
    """What a difference turned out to be, in words that an auditor understands."""

    resolution = forms.ChoiceField(
        label=_("It is"),
        choices=[
            (_RESOLUTION.PROVIDER_FEE, _("a fee of the provider")),
            (_RESOLUTION.FOREIGN_CAPTURE, _("income that was taken elsewhere")),
            (_RESOLUTION.FOREIGN_REFUND, _("a refund that was made elsewhere")),
            (_RESOLUTION.TRANSFER_TO_BANK, _("a transfer to or from the bank")),
            (_RESOLUTION.WRITTEN_OFF, _("a loss")),
            (_RESOLUTION.OTHER, _("not yet explained")),
        ],
    )
    note = forms.CharField(
        label=_("Explanation"),
        min_length=5,
        max_length=NOTE_CHARS_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Who knows it, and where it is written; auditors read this."),
    )


@admin.register(ReconciliationDifference)
class ReconciliationDifferenceAdmin(PageAdmin, MoneyAdmin):
    """Where the provider's books and ours differ."""

    page_template = "settlement/difference.html"
    action_roles = MONEY_ROLES

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

    def get_urls(self) -> list[URLPattern]:
        """The decision beside the page."""
        own = path(
            "<int:pk>/resolve/",
            self.admin_site.admin_view(self.resolve_view),
            name="settlement_reconciliationdifference_resolve",
        )
        return [own, *super().get_urls()]

    def page(
        self, request: HttpRequest, row: ReconciliationDifference
    ) -> dict[str, Any]:
        """What both sides say, and what it can be."""
        del request
        line = ProviderTransaction.objects.filter(
            payee_account_id=row.payee_account_id, reference=row.reference
        ).first()
        return {"line": line, "form": ResolutionForm(), "is_open": not row.resolved_at}

    def resolve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Post what somebody found out, with the explanation for the auditor."""
        row = self.row_or_404(request, pk)
        if request.method != "POST" or not self.may_act_on(request, row):
            raise PermissionDenied
        form = ResolutionForm(request.POST)
        if form.is_valid():
            try:
                resolve_by_hand(
                    difference_id=row.pk,
                    by=who(request),
                    at=timezone.now(),
                    resolution=form.cleaned_data["resolution"],
                    note=form.cleaned_data["note"],
                )
            except DomainError as error:
                messages.error(request, error.message)
            else:
                messages.success(request, _("The difference was posted and closed."))
            return HttpResponseRedirect(list_url("settlement_reconciliationdifference"))
        context = {**self.page(request, row), "form": form}
        return self.render(request, self.page_template, row, **context)

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
