"""Firmware, logs, monitors, events and network profiles of stations: lists."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.filters import StationSiteFilter
from charge_points.models import (
    FirmwareFile,
    FirmwarePublication,
    FirmwareUpdate,
    LogUpload,
    NetworkProfile,
    StationEvent,
    VariableMonitor,
)
from charge_points.services import file_answers
from cpms.accounts.admin_pages import OperatorFilter, OwnListAdmin, link, utc

WITH_STATION: Final = ("operator", "charge_point")


@admin.register(FirmwareFile)
class FirmwareFileAdmin(OwnListAdmin):
    """Firmware that was uploaded over REST."""

    list_display = (
        "version",
        "vendor",
        "model",
        "file_name",
        "size_bytes",
        "signed",
        "uploaded",
        "operator",
    )
    list_filter = (OperatorFilter,)
    search_fields = ("version", "vendor", "model", "sha256")
    list_select_related = ("operator",)
    exclude = ("stored_as",)
    ordering = ("-id",)

    @display(description="Signed", boolean=True)  # type: ignore[untyped-decorator]
    def signed(self, row: FirmwareFile) -> bool:
        """Whether a station can check who made it."""
        return row.is_signed

    @display(description="Uploaded (UTC)", ordering="uploaded_at")  # type: ignore[untyped-decorator]
    def uploaded(self, row: FirmwareFile) -> str:
        """When, in UTC."""
        return utc(row.uploaded_at)


@admin.register(FirmwareUpdate)
class FirmwareUpdateAdmin(OwnListAdmin):
    """How far updates are."""

    list_display = (
        "charge_point",
        "firmware",
        "location",
        "status",
        "detail",
        "requested",
        "ended",
        "operator",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("charge_point__identity", "firmware__version")
    list_select_related = (*WITH_STATION, "firmware")
    ordering = ("-id",)

    @display(description="Requested (UTC)", ordering="requested_at")  # type: ignore[untyped-decorator]
    def requested(self, row: FirmwareUpdate) -> str:
        """When, in UTC."""
        return utc(row.requested_at)

    @display(description="Ended (UTC)", ordering="ended_at")  # type: ignore[untyped-decorator]
    def ended(self, row: FirmwareUpdate) -> str:
        """When, in UTC."""
        return "" if row.ended_at is None else utc(row.ended_at)


@admin.register(FirmwarePublication)
class FirmwarePublicationAdmin(OwnListAdmin):
    """Firmware that local controllers offer."""

    list_display = ("charge_point", "checksum", "status", "location", "operator")
    list_filter = (StationSiteFilter, OperatorFilter)
    search_fields = ("charge_point__identity", "checksum")
    list_select_related = WITH_STATION
    ordering = ("-id",)


@admin.register(LogUpload)
class LogUploadAdmin(OwnListAdmin):
    """Diagnostics and logs; the files that came can be downloaded."""

    list_display = (
        "charge_point",
        "kind",
        "status",
        "detail",
        "requested",
        "file",
        "operator",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("charge_point__identity", "file_name")
    list_select_related = WITH_STATION
    exclude = ("stored_as",)
    ordering = ("-id",)

    @display(description="Requested (UTC)", ordering="requested_at")  # type: ignore[untyped-decorator]
    def requested(self, row: LogUpload) -> str:
        """When, in UTC."""
        return utc(row.requested_at)

    @display(description="File")  # type: ignore[untyped-decorator]
    def file(self, row: LogUpload) -> str:
        """A link to the file that came."""
        if not row.stored_as:
            return ""
        address = reverse("admin:charge_points_logupload_file", args=[row.pk])
        return link(address, f"{row.size_bytes} bytes")

    def get_urls(self) -> list[URLPattern]:
        """Add the download."""
        own = path(
            "<int:log_id>/file",
            self.admin_site.admin_view(self.download),
            name="charge_points_logupload_file",
        )
        found: list[URLPattern] = super().get_urls()
        return [own, *found]

    def download(self, request: HttpRequest, log_id: int) -> HttpResponseBase:
        """The file of a log, for who may see its row."""
        row: Any = self.get_queryset(request).filter(pk=log_id).first()
        if row is None or not row.stored_as or not self.has_view_permission(request):
            return HttpResponse(status=404)
        return file_answers.attachment(request, row)


@admin.register(VariableMonitor)
class VariableMonitorAdmin(OwnListAdmin):
    """What stations watch by themselves."""

    list_display = (
        "monitor_id",
        "charge_point",
        "component",
        "variable",
        "kind",
        "value",
        "severity",
        "state",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("charge_point__identity", "component", "variable")
    list_select_related = WITH_STATION
    ordering = ("-id",)


@admin.register(StationEvent)
class StationEventAdmin(OwnListAdmin):
    """What stations noticed."""

    list_display = (
        "occurred",
        "charge_point",
        "severity",
        "component",
        "variable",
        "actual_value",
        "trigger",
        "is_cleared",
        "tech_code",
        "operator",
    )
    list_filter = ("severity", "is_cleared", StationSiteFilter, OperatorFilter)
    search_fields = ("charge_point__identity", "component", "variable", "tech_code")
    list_select_related = WITH_STATION
    ordering = ("-id",)

    @display(description="Occurred (UTC)", ordering="occurred_at")  # type: ignore[untyped-decorator]
    def occurred(self, row: StationEvent) -> str:
        """When, in UTC."""
        return utc(row.occurred_at)


@admin.register(NetworkProfile)
class NetworkProfileAdmin(OwnListAdmin):
    """How stations reach this system."""

    list_display = (
        "charge_point",
        "slot",
        "csms_url",
        "security_profile",
        "ocpp_interface",
        "operator",
    )
    list_filter = (StationSiteFilter, OperatorFilter)
    search_fields = ("charge_point__identity", "csms_url")
    list_select_related = WITH_STATION
    ordering = ("charge_point__identity", "slot")
