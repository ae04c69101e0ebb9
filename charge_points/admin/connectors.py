"""Connectors: what drivers plug in, with the code on the label."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.filters import StationSiteFilter
from charge_points.models import (
    ChargingCertificate,
    Connector,
    PlugInEpisode,
    Transaction,
)
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    link,
    state,
    utc,
)
from cpms.kernel.zones import zone_named

ROWS_SHOWN = 10


@admin.register(Connector)
class ConnectorAdmin(PageAdmin):
    """Connectors of the operator's charge points."""

    page_template = "charge_points/connector.html"
    list_display = (
        "code",
        "station",
        "place",
        "state",
        "since",
        "type",
        "power",
        "error_code",
        "operator",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("type", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("code", "charge_point__identity", "error_code")
    search_help_text = _("Label code, charge point or error code")
    list_select_related = ("operator", "charge_point")
    ordering = ("charge_point__identity", "evse_number", "number")

    @display(description=_("Since (UTC)"), ordering="status_at")  # type: ignore[untyped-decorator]
    def since(self, row: Connector) -> str:
        """When, in UTC."""
        return utc(row.status_at)

    @display(description=_("Charge point"), ordering="charge_point__identity")  # type: ignore[untyped-decorator]
    def station(self, row: Connector) -> str:
        """With the way to its page."""
        address = reverse(
            "admin:charge_points_chargepoint_change", args=[row.charge_point_id]
        )
        return link(address, row.charge_point.identity)

    @display(description=_("EVSE"))  # type: ignore[untyped-decorator]
    def place(self, row: Connector) -> str:
        """The numbers."""
        return str(row)

    @display(description=_("State"), label=TONES, ordering="status")  # type: ignore[untyped-decorator]
    def state(self, row: Connector) -> tuple[str, str]:
        """As last reported."""
        return state(row.status)

    @display(description=_("Power"), ordering="max_power_w")  # type: ignore[untyped-decorator]
    def power(self, row: Connector) -> str:
        """In kW."""
        return f"{row.max_power_w / 1000:g} kW" if row.max_power_w else ""

    def page(self, request: HttpRequest, row: Connector) -> dict[str, Any]:
        """State, and what happened here of late."""
        del request
        charges = Transaction.objects.filter(connector=row).order_by("-started_at")
        episodes = PlugInEpisode.objects.filter(connector=row).order_by("-id")
        issued = ChargingCertificate.objects.filter(connector=row).order_by("-id")
        site = row.charge_point.site
        return {
            "title": f"{row.charge_point.identity} {row}",
            "zone": zone_named(site.time_zone),
            "site": site,
            "transactions": list(charges[:ROWS_SHOWN]),
            "episodes": list(episodes[:ROWS_SHOWN]),
            "certificates": list(issued[:ROWS_SHOWN]),
        }
