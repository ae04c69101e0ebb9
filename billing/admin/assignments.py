"""Where and for whom which tariff applies, and the page that says why."""

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.admin.tariff_form import shown_lines
from billing.admin.tariff_reasons import assigned, why
from billing.models import DriverGroup, Tariff, TariffAssignment
from billing.services.tariff_choice import TokenType
from billing.services.tariff_previews import (
    ENERGY_WH_MAX,
    LENGTH_MAX,
    Asker,
    Example,
    preview,
)
from charge_points.queries import ConnectorView, connector_by_code, connector_view
from cpms.accounts.admin import OperatorScopedAdmin, request_operator_ids
from cpms.accounts.admin_pages import (
    framed,
    may_act,
)
from cpms.accounts.services.audit import record
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor

MINUTES_MAX: Final = LENGTH_MAX // timedelta(minutes=1)


class QuestionForm(forms.Form):
    """A charge that is imagined."""

    connector = forms.CharField(
        max_length=80,
        help_text=_("Code of the label, or charge point/EVSE/connector: CP-1/1/1"),
    )
    token_type = forms.ChoiceField(
        choices=[("", "not known"), *TokenType.choices], required=False
    )
    token_group = forms.CharField(max_length=36, required=False)
    driver_group = forms.CharField(
        max_length=36, required=False, help_text=_("Code of one of your driver groups")
    )
    start = forms.DateTimeField(
        required=False,
        label=_("Start (UTC)"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=_("Empty: now"),
    )
    energy_wh = forms.IntegerField(
        min_value=0, max_value=ENERGY_WH_MAX, initial=20_000, label=_("Energy (Wh)")
    )
    charging_min = forms.IntegerField(
        min_value=0, max_value=MINUTES_MAX, initial=60, label=_("Charging (minutes)")
    )
    parking_min = forms.IntegerField(
        min_value=0, max_value=MINUTES_MAX, initial=0, label=_("Parking (minutes)")
    )

    def example(self) -> Example:
        """The charge; only for a valid form."""
        found = self.cleaned_data
        return Example(
            starts_at=found["start"] or timezone.now(),
            energy_wh=found["energy_wh"],
            charging=timedelta(minutes=found["charging_min"]),
            parking=timedelta(minutes=found["parking_min"]),
        )


@admin.register(TariffAssignment)
class TariffAssignmentAdmin(OperatorScopedAdmin):
    """Where which tariff applies; the most specific valid one wins."""

    read_only = False
    change_roles = frozenset({"finance"})
    change_list_template = "billing/assignments.html"
    fields = (
        "tariff",
        "charge_point",
        "site_id",
        "connector_type",
        "driver_group",
        "token_group",
        "token_type",
        "starts_at",
        "ends_at",
    )
    list_display = (
        "tariff",
        "operator",
        "charge_point",
        "site_id",
        "connector_type",
        "driver_group",
        "token_group",
        "token_type",
        "starts_at",
        "ends_at",
    )
    list_select_related = ("tariff", "operator", "driver_group")

    def get_urls(self) -> list[URLPattern]:
        """The preview beside the list."""
        own = path(
            "preview/",
            self.admin_site.admin_view(self.preview_view),
            name="billing_tariffassignment_preview",
        )
        return [own, *super().get_urls()]

    def formfield_for_foreignkey(
        self,
        db_field: Any,  # noqa: ANN401 - unfold is untyped
        request: HttpRequest,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """Offer the tariffs and groups of the operators where the user may act."""
        models: dict[str, Any] = {"tariff": Tariff, "driver_group": DriverGroup}
        model = models.get(db_field.name)
        if model is not None and not request.user.is_superuser:
            kwargs["queryset"] = model.objects.filter(
                operator_id__in=self._changeable(request)
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self,
        request: HttpRequest,
        obj: TariffAssignment,
        form: Any,  # noqa: ANN401, ARG002 - Django's own
        change: bool,  # noqa: ARG002, FBT001 - Django's own
    ) -> None:
        """Keep an audit row beside the change.

        Raises:
            PermissionDenied: no role for it at the tariff's own operator, or a group
                of another operator.
        """
        obj.operator_id = obj.tariff.operator_id
        group = obj.driver_group
        if not may_act(request, operator_id=obj.operator_id, roles=self.change_roles):
            raise PermissionDenied
        if group is not None and group.operator_id != obj.operator_id:
            raise PermissionDenied
        obj.save()
        record(
            operator_id=obj.operator_id,
            actor=str(request.user),
            action="tariff.assigned",
            object=f"tariff {obj.tariff.code}",
            changes={
                "charge_point": obj.charge_point,
                "site_id": obj.site_id,
                "connector_type": obj.connector_type,
                "driver_group": group.code if group else "",
                "token_group": obj.token_group,
                "token_type": obj.token_type,
                "starts_at": str(obj.starts_at),
                "ends_at": str(obj.ends_at or ""),
            },
            at=timezone.now(),
        )

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Which tariff a charge would have, every rule with its reason, the price."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = QuestionForm(request.GET or None)
        found: dict[str, Any] = {}
        if form.is_valid():
            try:
                found = self._answer(request, form)
            except DomainError as error:
                form.add_error(None, error.message)
        title = _("Which tariff applies?")
        template = "billing/tariff_preview.html"
        return framed(self, request, template, title=title, form=form, **found)

    def _answer(self, request: HttpRequest, form: QuestionForm) -> dict[str, Any]:
        view = _connector(form.cleaned_data["connector"])
        own = request_operator_ids(request)
        if view is None or not (request.user.is_superuser or view.operator_id in own):
            form.add_error("connector", "You have no such connector.")
            return {}
        asker = Asker(
            form.cleaned_data["token_type"],
            form.cleaned_data["token_group"],
            form.cleaned_data["driver_group"],
        )
        language = str(getattr(request, "LANGUAGE_CODE", "en"))
        found = preview(view, asker, form.example(), language=language)
        priced, rules = found.priced, found.explanation.candidates
        return {
            "connector": view,
            "applied": found.explanation.applied,
            "reason": assigned(rules[0]) if found.explanation.applied else "",
            "rules": [(rule, why(rule)) for rule in rules],
            "left_off": found.explanation.left_off,
            "words": found.words,
            "lines": list(shown_lines(priced)) if priced else [],
            "total": format_minor(priced.total_minor, priced.currency)
            if priced
            else "",
        }


def _connector(text: str) -> ConnectorView | None:
    """By the label's code, or by ``charge point/EVSE/connector``."""
    identity, slash, numbers = text.strip().partition("/")
    if not slash:
        return connector_by_code(identity)
    evse, _, connector = numbers.partition("/")
    if not evse.isdecimal() or (connector and not connector.isdecimal()):
        return None
    return connector_view(identity, int(evse), int(connector or 0))
