"""Keys of meters: which are known, registering one, forgetting one."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from charge_points.models import ChargePoint, MeterKey
from charge_points.services import signed_values
from charge_points.services.signed_values.keys import UnableToReadKey, read_key
from cpms.accounts.admin_pages import (
    OperatorFilter,
    ScopedFormAdmin,
    is_platform,
    may_act,
    operators_to_act_for,
)
from cpms.accounts.models import Membership


class MeterKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not at run time
    """A key as it is printed on the meter."""

    public_key = forms.CharField(
        widget=forms.Textarea,
        help_text=_("PEM, or hexadecimal digits or Base64 as printed on the meter"),
    )

    class Meta:
        model = MeterKey
        fields: ClassVar[Any] = ("charge_point", "evse_number")

    def clean_public_key(self) -> str:
        """Refuse what is no key."""
        text = str(self.cleaned_data["public_key"])
        try:
            read_key(text)
        except UnableToReadKey as error:
            raise forms.ValidationError(
                _("This is no public key of a meter: %s.") % error
            ) from error
        return text


@admin.register(MeterKey)
class MeterKeyAdmin(ScopedFormAdmin):
    """By what signed meter values are verified."""

    form = MeterKeyForm
    change_roles = frozenset({Membership.Role.TECHNICIAN})
    action_roles = change_roles
    list_display = (
        "charge_point",
        "evse_number",
        "curve",
        "fingerprint",
        "source",
        "added_by",
        "added_at",
        "operator",
    )
    list_filter = ("source", OperatorFilter)
    search_fields = ("fingerprint", "charge_point__identity")
    search_help_text = _("Fingerprint or charge point")
    list_select_related = ("charge_point", "operator")
    ordering = ("-id",)
    actions = ("forget",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Keys come and go; none is changed."""
        return False

    def formfield_for_foreignkey(
        self,
        db_field: Any,  # noqa: ANN401 - unfold is untyped
        request: HttpRequest,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """Offer the charge points of the operators at which the user may act."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "charge_point" and not is_platform(request):
            own = operators_to_act_for(request, self.change_roles)
            field.queryset = ChargePoint.objects.filter(operator_id__in=own)
        return field

    def save_model(
        self,
        request: HttpRequest,
        obj: MeterKey,
        form: MeterKeyForm,
        change: bool,  # noqa: ARG002, FBT001 - Django's own
    ) -> None:
        """Register it through the service, which writes it down."""
        station = obj.charge_point
        if not may_act(
            request, operator_id=station.operator_id, roles=self.change_roles
        ):
            raise PermissionDenied
        saved = signed_values.add(
            charge_point_id=station.pk,
            evse=obj.evse_number,
            public_key=form.cleaned_data["public_key"],
            by=str(request.user),
            at=timezone.now(),
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    @action(description=_("Forget: values are not verified with it any more"))  # type: ignore[untyped-decorator]  # unfold is untyped
    def forget(self, request: HttpRequest, queryset: QuerySet[MeterKey]) -> None:
        """Forget what the user's role allows."""
        for row in queryset:
            if not may_act(
                request, operator_id=row.operator_id, roles=self.change_roles
            ):
                messages.error(request, _("%s: your role may look, not act.") % row)
                continue
            name = str(row)
            signed_values.remove(
                meter_key_id=row.pk, by=str(request.user), at=timezone.now()
            )
            messages.success(request, _("%s is forgotten.") % name)
