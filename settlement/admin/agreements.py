"""Split agreements: who shares an operator's revenue, agreed with a preview."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cpms.accounts.admin_pages import (
    OperatorFilter,
    framed,
    is_platform,
    operators_to_act_for,
    operators_to_add_to,
)
from cpms.kernel.errors import DomainError
from settlement.admin.shared import MoneyAdmin, ReadOnlyInline, who
from settlement.admin.split_forms import (
    AgreementForm,
    PartyFormSet,
    divided,
    row_of,
)
from settlement.models import SplitAgreement, SplitParty
from settlement.services.split_terms import agree_as_operator
from settlement.services.splits import (
    OPERATOR,
    Agreement,
    Party,
    agree,
    check_parties,
    in_force,
    parties_of,
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
    """Agreements; never changed: a new one takes over where it begins."""

    list_display = (
        "name",
        "site_id",
        "charge_point",
        "valid_from",
        "valid_until",
        "operator",
    )
    list_filter = (OperatorFilter,)
    search_fields = ("name", "charge_point")
    list_select_related = ("operator",)
    ordering = ("-valid_from",)
    inlines = (PartyInline,)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - Django's own
        """Owners and finance somewhere, and the platform."""
        return is_platform(request) or bool(
            operators_to_act_for(request, self.action_roles)
        )

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A new agreement; it begins with the parties of the one in force."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = AgreementForm(
            data, operators=operators_to_add_to(request, self.action_roles)
        )
        rows = PartyFormSet(
            data, prefix="party", initial=None if data else self._initial(request)
        )
        shown: Any = ()
        if data is not None and form.is_valid() and rows.is_valid():
            try:
                parties, currency = _parties(form, rows)
                shown = divided(parties, currency)
                if "_save" in request.POST:
                    at = timezone.now()
                    return self._save(request, form.agreement(parties, at=at), at)
            except DomainError as error:
                form.add_error(None, error.message)
            except forms.ValidationError as error:
                form.add_error(None, error)
        return framed(
            self,
            request,
            "settlement/split_form.html",
            title=_("Agree on a split"),
            form=form,
            rows=rows,
            shown=shown,
            is_popup=False,
        )

    def _initial(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The parties in force of the only operator; else the operator alone."""
        operators = operators_to_add_to(request, self.action_roles)
        alone = [{"key": "operator", "name": "Operator", "role": OPERATOR}]
        operator = operators.first() if operators.count() == 1 else None
        if operator is None:
            return alone
        row = in_force(
            operator_id=operator.pk, site_id=None, charge_point="", at=timezone.now()
        )
        if row is None:
            return alone
        return [row_of(party, operator.currency) for party in parties_of(row)]

    def _save(
        self, request: HttpRequest, agreement: Agreement, at: datetime
    ) -> HttpResponse:
        """By the platform as it wishes; by an operator with the platform's part.

        Raises:
            DomainError: it cannot be agreed; the form says why.
        """
        by = who(request)
        if is_platform(request):
            row = agree(agreement, by=by, at=at)
        else:
            row = agree_as_operator(agreement, by=by, at=at)
        messages.success(request, _("The split was agreed."))
        return HttpResponseRedirect(
            reverse("admin:settlement_splitagreement_change", args=[row.pk])
        )


def _parties(form: AgreementForm, rows: Any) -> tuple[tuple[Party, ...], str]:  # noqa: ANN401 - a formset
    """The parties and the currency of their amounts.

    Raises:
        UnableToAgreeSplit: they cannot divide a charge.
        ValidationError: an amount has more decimals than the currency.
    """
    currency = form.cleaned_data["operator"].currency
    named = (row.party(currency) for row in rows)
    parties = tuple(party for party in named if party is not None)
    check_parties(parties)
    return parties, currency
