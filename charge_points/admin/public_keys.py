"""Certificates of stations: what they were given, what they have installed."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from charge_points.models import InstalledCertificate, StationCertificate
from charge_points.services import public_keys
from cpms.accounts.admin_pages import OwnListAdmin, may_act
from cpms.accounts.models import Membership

ROLES = frozenset({Membership.Role.TECHNICIAN})


@admin.register(StationCertificate)
class StationCertificateAdmin(OwnListAdmin):
    """What the built-in CA signed."""

    action_roles = ROLES

    list_display = (
        "serial_number",
        "charge_point",
        "state",
        "not_after",
        "installed_at",
        "revoked_at",
        "operator",
    )
    list_filter = ("state",)
    search_fields = ("serial_number", "charge_point__identity")
    list_select_related = ("charge_point", "operator")
    exclude = ("csr_hash",)
    actions = ("revoke",)

    @action(description=_("Revoke: the key is not to be trusted any more"))  # type: ignore[untyped-decorator]  # unfold is untyped
    def revoke(
        self, request: HttpRequest, queryset: QuerySet[StationCertificate]
    ) -> None:
        """Revoke what the user's role allows."""
        for row in queryset:
            if not may_act(request, operator_id=row.operator_id, roles=ROLES):
                messages.error(request, _("%s: your role may look, not act.") % row)
                continue
            public_keys.revoke(
                serial_number=row.serial_number,
                operator_ids=[row.operator_id],
                reason="keyCompromise",
                by=str(request.user),
                at=timezone.now(),
            )
            messages.success(request, _("%s is revoked.") % row)


@admin.register(InstalledCertificate)
class InstalledCertificateAdmin(OwnListAdmin):
    """What stations say that they trust."""

    list_display = (
        "use",
        "charge_point",
        "subject",
        "serial_number",
        "seen_at",
        "operator",
    )
    list_filter = ("use",)
    search_fields = ("serial_number", "charge_point__identity")
    list_select_related = ("charge_point", "operator")
