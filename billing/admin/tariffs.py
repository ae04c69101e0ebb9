"""Tariffs: written with a preview, kept as versions."""

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.admin.tariff_form import Shown, TariffForm, shown
from billing.models import Tariff
from billing.pricing import UnableToParseTariff, describe, parse_tariff
from billing.services.tariffs import save_tariff
from cpms.accounts.admin import OperatorScopedAdmin
from cpms.accounts.admin_pages import (
    framed,
    operators_to_add_to,
)

VERSIONS_SHOWN: Final = 50


@admin.register(Tariff)
class TariffAdmin(OperatorScopedAdmin):
    """Tariffs; a change never touches running orders (they keep a copy)."""

    read_only = False
    change_roles = frozenset({"finance"})
    list_display = ("code", "name", "operator", "currency", "in_words", "updated_at")
    search_fields = ("code", "name")
    list_select_related = ("operator",)

    @admin.display(description=_("In words"))
    def in_words(self, tariff: Tariff) -> str:
        """The price as the driver reads it."""
        try:
            return describe(parse_tariff(tariff.ocpi))
        except UnableToParseTariff as error:
            return error.message

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A new tariff."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._edit(request, None)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A tariff, its versions, and the form for the next one."""
        del form_url, extra_context
        row = self.get_object(request, unquote(str(object_id)))
        if row is None:
            return self._get_obj_does_not_exist_redirect(  # type: ignore[no-any-return]
                request, self.opts, object_id
            )
        return self._edit(request, row)

    def _edit(self, request: HttpRequest, row: Tariff | None) -> HttpResponse:
        if request.method == "POST" and not self.has_change_permission(request, row):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = TariffForm(
            data, row=row, operators=operators_to_add_to(request, self.change_roles)
        )
        preview: Shown | None = None
        if form.is_valid():
            if "_preview" not in request.POST:
                return self._save(request, form, row)
            preview = self._preview(form, row)
        elif row is not None and data is None:
            preview = _as_sold(row)
        versions = row.versions.order_by("-number")[:VERSIONS_SHOWN] if row else ()
        return framed(
            self,
            request,
            "billing/tariff_form.html",
            title=str(row) if row else _("Add a tariff"),
            original=row,
            form=form,
            may_act=self.has_change_permission(request, row),
            shown=preview,
            is_preview=data is not None,
            versions=versions,
            is_popup=False,
        )

    def _preview(self, form: TariffForm, row: Tariff | None) -> Shown:
        operator = row.operator if row else form.cleaned_data["operator"]
        assert form.parsed is not None, "the form is valid"
        at = form.cleaned_data["applies_from"] or timezone.now()
        before = row.ocpi if row else None
        return shown(form.parsed, before, operator.time_zone, at=at)

    def _save(
        self, request: HttpRequest, form: TariffForm, row: Tariff | None
    ) -> HttpResponse:
        """Through the service, which keeps a version and an audit row."""
        operator = row.operator if row else form.cleaned_data["operator"]
        saved = save_tariff(
            operator_id=operator.pk,
            ocpi=form.cleaned_data["ocpi"],
            name=form.cleaned_data["name"],
            by=str(request.user),
            at=timezone.now(),
            applies_from=form.cleaned_data["applies_from"],
        )
        messages.success(request, _("Tariff %s was saved.") % saved.code)
        return HttpResponseRedirect(
            reverse("admin:billing_tariff_change", args=[saved.pk])
        )


def _as_sold(row: Tariff) -> Shown | None:
    """The newest version; None where today's engine cannot read it."""
    try:
        parsed = parse_tariff(row.ocpi)
    except UnableToParseTariff:
        return None
    return shown(parsed, None, row.operator.time_zone, at=timezone.now())
