"""Charging certificates: their states. The code itself is kept nowhere."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.models import ChargingCertificate
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    link,
    order_url,
    state,
    utc,
)
from cpms.kernel.zones import zone_named

JTI_SHOWN = 12


@admin.register(ChargingCertificate)
class CertificateAdmin(PageAdmin):
    """Issued, claimed, started, closed, or what ended them before."""

    page_template = "charge_points/certificate.html"
    list_display = (
        "short",
        "operator",
        "charge_point",
        "connector",
        "status",
        "issued",
        "expires",
        "order",
        "end_reason",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("jti", "order_number", "charge_point__identity")
    search_help_text = _("Hash, order number or charge point")
    list_select_related = ("operator", "charge_point", "connector")
    ordering = ("-id",)

    @display(description=_("Expires (UTC)"), ordering="expires_at")  # type: ignore[untyped-decorator]
    def expires(self, row: ChargingCertificate) -> str:
        """When, in UTC."""
        return utc(row.expires_at)

    @display(description=_("Issued (UTC)"), ordering="issued_at")  # type: ignore[untyped-decorator]
    def issued(self, row: ChargingCertificate) -> str:
        """When, in UTC."""
        return utc(row.issued_at)

    @display(description=_("Hash"))  # type: ignore[untyped-decorator]
    def short(self, row: ChargingCertificate) -> str:
        """The beginning of the hash of the code."""
        return f"{row.jti[:JTI_SHOWN]}…"

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: ChargingCertificate) -> tuple[str, str]:
        """Its state."""
        return state(row.state)

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: ChargingCertificate) -> str:
        """The order that claimed it."""
        return link(order_url(row.order_number), row.order_number)

    def page(self, request: HttpRequest, row: ChargingCertificate) -> dict[str, Any]:
        """Its life."""
        del request
        return {"zone": zone_named(row.charge_point.site.time_zone)}
