"""Firmware, logs, monitors, events and network profiles of stations: lists."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.add_forms import AddByService, KeyedForm, StationForm
from charge_points.admin.filters import StationSiteFilter
from charge_points.admin.schema_forms import NetworkProfileForm, SendsByForm
from charge_points.models import (
    FirmwareFile,
    FirmwarePublication,
    FirmwareUpdate,
    LogUpload,
    NetworkProfile,
    StationEvent,
    VariableMonitor,
)
from charge_points.services import diagnostics, file_answers, firmware_files
from cpms.accounts.admin_pages import OperatorFilter, OwnListAdmin, link, utc
from cpms.accounts.models import Operator

LOG_HOURS_MAX: Final = 8_760
WITH_STATION: Final = ("operator", "charge_point")


class FirmwareForm(KeyedForm):
    """A file, and what it is for."""

    operator = forms.ModelChoiceField(queryset=Operator.objects.none())
    file = forms.FileField(max_length=255)
    version = forms.CharField(
        max_length=50, help_text=_("Exactly as a charge point tells it at its boot.")
    )
    vendor = forms.CharField(max_length=50, required=False)
    model = forms.CharField(
        max_length=50,
        required=False,
        help_text=_("A campaign reaches this vendor's and model's charge points only."),
    )
    signing_certificate = forms.CharField(
        max_length=firmware_files.CERTIFICATE_CHARS_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("PEM; of signed firmware."),
    )
    signature = forms.CharField(
        max_length=firmware_files.SIGNATURE_CHARS_MAX,
        required=False,
        help_text=_("Base64, over the SHA-256 of the file."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the operators."""
        super().__init__(*args, **options)
        field = self.fields["operator"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = self.operators
        only = list(self.operators[:2])
        if len(only) == 1:
            field.initial = only[0]


@admin.register(FirmwareFile)
class FirmwareFileAdmin(AddByService):
    """Firmware that stations can be told to install."""

    add_form = FirmwareForm
    add_title = _("Upload firmware")
    add_button = _("Upload")
    add_deed = "firmware.uploaded"
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

    def perform(
        self, request: HttpRequest, form: KeyedForm, *, at: datetime
    ) -> FirmwareFile:
        """Keep the file; a signature is checked at once."""
        clean = form.cleaned_data
        wanted = firmware_files.NewFirmware(
            operator_id=clean["operator"].pk,
            file_name=clean["file"].name or "",
            version=clean["version"],
            vendor=clean["vendor"],
            model=clean["model"],
            signing_certificate=clean["signing_certificate"],
            signature=clean["signature"],
        )
        stored = firmware_files.store(wanted, clean["file"].chunks())
        return firmware_files.keep(
            wanted=wanted, file=stored, by=str(request.user), at=at
        )

    @display(description=_("Signed"), boolean=True)  # type: ignore[untyped-decorator]
    def signed(self, row: FirmwareFile) -> bool:
        """Whether a station can check who made it."""
        return row.is_signed

    @display(description=_("Uploaded (UTC)"), ordering="uploaded_at")  # type: ignore[untyped-decorator]
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

    @display(description=_("Requested (UTC)"), ordering="requested_at")  # type: ignore[untyped-decorator]
    def requested(self, row: FirmwareUpdate) -> str:
        """When, in UTC."""
        return utc(row.requested_at)

    @display(description=_("Ended (UTC)"), ordering="ended_at")  # type: ignore[untyped-decorator]
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


class LogForm(StationForm):
    """Which log is wanted."""

    kind = forms.ChoiceField(
        choices=[
            (diagnostics.DIAGNOSTICS, "diagnostics"),
            (diagnostics.SECURITY, "security"),
        ]
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=LOG_HOURS_MAX,
        required=False,
        help_text=_("Of the last so many hours; empty: all that there is."),
    )


@admin.register(LogUpload)
class LogUploadAdmin(AddByService):
    """Diagnostics and logs; the files that came can be downloaded."""

    add_form = LogForm
    add_title = _("Ask for a log")
    add_button = _("Ask for it")
    add_deed = "log.requested"
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

    @display(description=_("Requested (UTC)"), ordering="requested_at")  # type: ignore[untyped-decorator]
    def requested(self, row: LogUpload) -> str:
        """When, in UTC."""
        return utc(row.requested_at)

    def perform(
        self, request: HttpRequest, form: KeyedForm, *, at: datetime
    ) -> LogUpload:
        """Ask the station; its file comes to this system."""
        clean = form.cleaned_data
        hours = clean["hours"]
        return diagnostics.request_log(
            wanted=diagnostics.NewLog(
                charge_point_id=clean["charge_point"].pk,
                idempotency_key=clean["key"],
                kind=clean["kind"],
                oldest_at=None if hours is None else at - timedelta(hours=hours),
            ),
            by=str(request.user),
            at=at,
        )

    @display(description=_("File"))  # type: ignore[untyped-decorator]
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

    @display(description=_("Occurred (UTC)"), ordering="occurred_at")  # type: ignore[untyped-decorator]
    def occurred(self, row: StationEvent) -> str:
        """When, in UTC."""
        return utc(row.occurred_at)


@admin.register(NetworkProfile)
class NetworkProfileAdmin(SendsByForm):
    """How stations reach this system."""

    add_form = NetworkProfileForm
    add_title = _("Send a network profile")
    add_deed = "network_profile.queued"

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
