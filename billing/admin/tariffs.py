"""Tariffs and where they apply."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from billing.models import Tariff, TariffAssignment
from billing.pricing import UnableToParseTariff, describe, parse_tariff
from billing.services.tariffs import save_tariff
from cpms.accounts.admin import OperatorScopedAdmin
from cpms.accounts.admin_pages import may_act
from cpms.accounts.services.audit import record


class TariffForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """An OCPI tariff object; the message of a mistake names the field."""

    class Meta:
        model = Tariff
        fields: ClassVar[Any] = ("operator", "name", "ocpi")

    def clean_ocpi(self) -> dict[str, Any]:
        """Refuse what cannot be priced."""
        ocpi = self.cleaned_data["ocpi"]
        try:
            parse_tariff(ocpi)
        except UnableToParseTariff as error:
            raise forms.ValidationError(str(error)) from error
        return dict(ocpi)


@admin.register(Tariff)
class TariffAdmin(OperatorScopedAdmin):
    """Tariffs; a change never touches running orders (they keep a copy)."""

    read_only = False
    change_roles = frozenset({"finance"})
    form = TariffForm
    list_display = ("code", "name", "operator", "currency", "in_words", "updated_at")
    search_fields = ("code", "name")
    list_select_related = ("operator",)
    readonly_fields = ("in_words",)

    @admin.display(description="In words")
    def in_words(self, tariff: Tariff) -> str:
        """The price as the driver reads it."""
        return describe(parse_tariff(tariff.ocpi)) if tariff.ocpi else ""

    def save_model(
        self,
        request: HttpRequest,
        obj: Tariff,
        form: TariffForm,
        change: bool,  # noqa: ARG002, FBT001 - Django's own
    ) -> None:
        """Write through the service, which audits."""
        saved = save_tariff(
            operator_id=obj.operator_id,
            ocpi=form.cleaned_data["ocpi"],
            name=form.cleaned_data["name"],
            by=str(request.user),
            at=timezone.now(),
        )
        obj.pk = saved.pk
        obj.refresh_from_db()


@admin.register(TariffAssignment)
class TariffAssignmentAdmin(OperatorScopedAdmin):
    """Where which tariff applies; the most specific valid one wins."""

    read_only = False
    change_roles = frozenset({"finance"})
    list_display = (
        "tariff",
        "operator",
        "charge_point",
        "site_id",
        "starts_at",
        "ends_at",
    )
    list_select_related = ("tariff", "operator")

    def save_model(
        self,
        request: HttpRequest,
        obj: TariffAssignment,
        form: Any,  # noqa: ANN401, ARG002 - Django's own
        change: bool,  # noqa: ARG002, FBT001 - Django's own
    ) -> None:
        """Keep an audit row beside the change.

        Raises:
            PermissionDenied: no role for it at the tariff's own operator.
        """
        obj.operator_id = obj.tariff.operator_id
        if not may_act(request, operator_id=obj.operator_id, roles=self.change_roles):
            raise PermissionDenied
        obj.save()
        record(
            operator_id=obj.operator_id,
            actor=str(request.user),
            action="tariff.assigned",
            object=f"tariff {obj.tariff.code}",
            changes={"charge_point": obj.charge_point, "site_id": obj.site_id},
            at=timezone.now(),
        )
