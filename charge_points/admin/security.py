"""Security events, and the conformance of all charge points."""

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.filters import StationSiteFilter
from charge_points.admin.station_reading import described
from charge_points.models import QuirkCount, SecurityEvent
from cpms.accounts.admin_pages import OperatorFilter, OwnListAdmin, link, utc


def station_link(row: SecurityEvent | QuirkCount) -> str:
    """The way to the row's charge point, if it is about a single one."""
    if row.charge_point is None:
        return ""
    address = reverse(
        "admin:charge_points_chargepoint_change", args=[row.charge_point_id]
    )
    return link(address, row.charge_point.identity)


@admin.register(SecurityEvent)
class SecurityEventAdmin(OwnListAdmin):
    """What stations report, and what the platform noticed about them."""

    list_display = (
        "received",
        "station",
        "kind",
        "severity",
        "source",
        "detail",
        "operator",
    )
    list_filter = (
        ("severity", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("kind", "detail", "charge_point__identity")
    search_help_text = _("Kind, detail or charge point")
    list_select_related = ("operator", "charge_point")
    date_hierarchy = "received_at"
    ordering = ("-received_at",)

    @display(description=_("Received (UTC)"), ordering="received_at")  # type: ignore[untyped-decorator]
    def received(self, row: SecurityEvent) -> str:
        """When, in UTC."""
        return utc(row.received_at)

    @display(description=_("Charge point"), ordering="charge_point__identity")  # type: ignore[untyped-decorator]
    def station(self, row: SecurityEvent) -> str:
        """With the way to its page."""
        return station_link(row)


@admin.register(QuirkCount)
class QuirkAdmin(OwnListAdmin):
    """Rules that stations break, understood and counted."""

    list_display = (
        "quirk",
        "meaning",
        "station",
        "version",
        "count",
        "last_seen",
        "operator",
    )
    list_filter = (StationSiteFilter, OperatorFilter)
    search_fields = ("quirk", "charge_point__identity", "charge_point__model")
    search_help_text = _("Rule, charge point or its model")
    list_select_related = ("operator", "charge_point")
    ordering = ("-last_seen_at",)

    @display(description=_("Charge point"), ordering="charge_point__identity")  # type: ignore[untyped-decorator]
    def station(self, row: QuirkCount) -> str:
        """With the way to its page."""
        return station_link(row)

    @display(description=_("Last seen (UTC)"), ordering="last_seen_at")  # type: ignore[untyped-decorator]
    def last_seen(self, row: QuirkCount) -> str:
        """When, in UTC."""
        return utc(row.last_seen_at)

    @display(description=_("What we make of it"))  # type: ignore[untyped-decorator]
    def meaning(self, row: QuirkCount) -> str:
        """In words."""
        return described(row.quirk)
