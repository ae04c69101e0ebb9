"""Sites: where charge points stand."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from charge_points.models import Site
from cpms.accounts.admin_pages import (
    OperatorFilter,
    ScopedFormAdmin,
    link,
    list_url,
)
from cpms.accounts.models import Membership
from cpms.accounts.services import audit


class SiteForm(forms.ModelForm):  # type: ignore[type-arg]  # not at run time
    """A site's address; the time zone must exist."""

    class Meta:
        model = Site
        fields: ClassVar[Any] = (
            "operator",
            "name",
            "address",
            "postal_code",
            "city",
            "country",
            "latitude",
            "longitude",
            "time_zone",
        )

    def clean_time_zone(self) -> str:
        """Refuse names that no clock knows: tariffs depend on it."""
        name = str(self.cleaned_data["time_zone"])
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise forms.ValidationError(
                _("“%s” is no time zone; write it like Europe/Berlin.") % name
            ) from error
        return name

    def clean_country(self) -> str:
        """Two letters, upper case."""
        country = str(self.cleaned_data["country"]).upper()
        if len(country) != 2 or not country.isascii() or not country.isalpha():
            raise forms.ValidationError(_("A country is two letters, like DE."))
        return country


@admin.register(Site)
class SiteAdmin(ScopedFormAdmin):
    """Sites of the operator."""

    form = SiteForm
    change_roles = frozenset({Membership.Role.TECHNICIAN})
    fixed_fields = ("operator",)
    list_display = ("name", "operator", "city", "country", "time_zone", "stations")
    list_filter = (OperatorFilter,)
    search_fields = ("name", "address", "city", "postal_code")
    list_select_related = ("operator",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of charge points."""
        rows = super().get_queryset(request)
        return rows.annotate(stations_here=Count("chargepoint"))  # type: ignore[no-any-return]

    @display(description=_("Charge points"), ordering="stations_here")  # type: ignore[untyped-decorator]
    def stations(self, row: Any) -> str:  # noqa: ANN401 - annotated
        """How many, with the way to them."""
        address = list_url("charge_points_chargepoint", site=row.pk)
        return link(address, str(row.stations_here))

    def save_model(
        self,
        request: HttpRequest,
        obj: Site,
        form: SiteForm,
        change: bool,  # noqa: FBT001 - Django's own
    ) -> None:
        """Keep an audit row beside the change."""
        now = timezone.now()
        if not change:
            obj.created_at = now
        obj.save()
        audit.record(
            operator_id=obj.operator_id,
            actor=str(request.user),
            action="site.changed" if change else "site.created",
            object=f"site {obj.name}",
            changes={name: str(getattr(obj, name)) for name in form.changed_data},
            at=now,
        )
