"""Reservations, local lists, charging profiles, displays, customers' data: lists."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from charge_points.admin.add_forms import AddByService, KeyedForm, StationForm
from charge_points.admin.filters import StationSiteFilter
from charge_points.admin.schema_forms import DisplayMessageForm, SendsByForm
from charge_points.models import (
    ChargingLimit,
    ChargingProfile,
    CustomerInformation,
    DisplayMessage,
    LocalList,
    Reservation,
)
from charge_points.services import local_lists, reservations
from charge_points.services.connectors import EVSES_MAX
from cpms.accounts.admin_pages import OperatorFilter, OwnListAdmin, may_act, utc
from cpms.accounts.models import Membership
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

RESERVED_MINUTES_MAX: Final = 1_440
DEEDS_MAX: Final = 100
"""Rows that one action may reach; the rest is told of, not done."""


ROLES: Final = frozenset({Membership.Role.TECHNICIAN})


def _may(request: HttpRequest, row: Reservation | LocalList) -> bool:
    if may_act(request, operator_id=row.operator_id, roles=ROLES):
        return True
    messages.error(request, _("%s: your role may look, not act.") % row)
    return False


def _when(at: datetime | None) -> str:
    return "" if at is None else utc(at)


class ReservationForm(StationForm):
    """What is to be reserved, for whom, how long."""

    evse = forms.IntegerField(
        label=_("EVSE"),
        min_value=0,
        max_value=EVSES_MAX,
        initial=0,
        help_text=_("0: any of the charge point."),
    )
    id_token = forms.CharField(label=_("Token"), max_length=36)
    minutes = forms.IntegerField(
        min_value=1, max_value=RESERVED_MINUTES_MAX, initial=30
    )


@admin.register(Reservation)
class ReservationAdmin(AddByService):
    """Connectors kept for tokens."""

    add_form = ReservationForm
    add_title = _("Reserve")
    add_button = _("Reserve")
    add_deed = "reservation.requested"
    action_roles = ROLES

    list_display = (
        "number",
        "charge_point",
        "evse_number",
        "id_token",
        "state",
        "expires",
        "end_reason",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("id_token", "charge_point__identity")
    search_help_text = _("Token or charge point")
    list_select_related = ("operator", "charge_point")
    ordering = ("-id",)
    actions = ("cancel_reservations",)

    def perform(
        self, request: HttpRequest, form: KeyedForm, *, at: datetime
    ) -> Reservation:
        """Ask the station; it answers by the state."""
        clean = form.cleaned_data
        return reservations.reserve(
            wanted=reservations.NewReservation(
                charge_point_id=clean["charge_point"].pk,
                evse=clean["evse"],
                id_token=clean["id_token"],
                expires_at=at + timedelta(minutes=clean["minutes"]),
                idempotency_key=clean["key"],
            ),
            by=str(request.user),
            at=at,
        )

    @display(description=_("Expires (UTC)"), ordering="expires_at")  # type: ignore[untyped-decorator]
    def expires(self, row: Reservation) -> str:
        """When, in UTC."""
        return utc(row.expires_at)

    @action(description=_("Cancel the reservations"))  # type: ignore[untyped-decorator]
    def cancel_reservations(
        self, request: HttpRequest, rows: QuerySet[Reservation]
    ) -> None:
        """Ask the stations to free what was reserved."""
        now = timezone.now()
        for row in rows[:DEEDS_MAX]:
            if not _may(request, row):
                continue
            try:
                reservations.cancel(reservation_id=row.pk, by=str(request.user), at=now)
            except DomainError as error:
                messages.error(request, f"{row}: {error.message}")
                continue
            _note(request, row, "reservation.cancelled", now)
            messages.success(request, _("%s is being cancelled.") % row)


def _note(
    request: HttpRequest, row: Reservation | LocalList, deed: str, at: datetime
) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=str(request.user),
        action=deed,
        object=f"charge point {row.charge_point.identity}",
        changes={"row": row.pk},
        at=at,
    )


@admin.register(LocalList)
class LocalListAdmin(OwnListAdmin):
    """Whether stations decide by the newest start policies when they are offline."""

    action_roles = ROLES

    list_display = (
        "charge_point",
        "state",
        "version",
        "tokens",
        "left_out",
        "last_answer",
        "synced",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("charge_point__identity",)
    list_select_related = ("operator", "charge_point")
    ordering = ("charge_point__identity",)
    actions = ("send_whole",)

    @display(description=_("Tokens"))  # type: ignore[untyped-decorator]
    def tokens(self, row: LocalList) -> str:
        """How many the station has, as far as it is known."""
        return "unknown" if row.entries is None else str(len(row.entries))

    @display(description=_("In step since (UTC)"), ordering="synced_at")  # type: ignore[untyped-decorator]
    def synced(self, row: LocalList) -> str:
        """When, in UTC."""
        return _when(row.synced_at)

    @action(description=_("Send the whole list again"))  # type: ignore[untyped-decorator]
    def send_whole(self, request: HttpRequest, rows: QuerySet[LocalList]) -> None:
        """Forget what is known of the lists and send them whole."""
        now = timezone.now()
        for row in rows[:DEEDS_MAX]:
            if not _may(request, row):
                continue
            try:
                local_lists.resend(charge_point_id=row.charge_point_id, at=now)
            except DomainError as error:
                messages.error(request, f"{row}: {error.message}")
                continue
            _note(request, row, "local_list.resent", now)
            messages.success(
                request, _("The list of %s is on its way.") % row.charge_point
            )


@admin.register(ChargingProfile)
class ChargingProfileAdmin(OwnListAdmin):
    """Charging profiles that stations have or had."""

    list_display = (
        "profile_id",
        "charge_point",
        "evse_number",
        "purpose",
        "stack_level",
        "kind",
        "limits",
        "state",
        "source",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("purpose", "transaction_id", "charge_point__identity")
    list_select_related = ("operator", "charge_point")
    ordering = ("-id",)

    @display(description=_("Limits"))  # type: ignore[untyped-decorator]
    def limits(self, row: ChargingProfile) -> str:
        """The periods of the first schedule, in words."""
        return _periods(row.schedules)


def _periods(schedules: list[dict[str, Any]]) -> str:
    if not schedules:
        return ""
    unit = schedules[0]["rate_unit"]
    return ", ".join(
        f"{period['limit']} {unit} from {period['start_s']} s"
        for period in schedules[0]["periods"]
    )


@admin.register(ChargingLimit)
class ChargingLimitAdmin(OwnListAdmin):
    """Limits that somebody else put on stations."""

    list_display = (
        "charge_point",
        "evse_number",
        "source",
        "is_grid_critical",
        "limits",
        "began",
        "cleared",
        "operator",
    )
    list_filter = (StationSiteFilter, OperatorFilter)
    search_fields = ("source", "charge_point__identity")
    list_select_related = ("operator", "charge_point")
    ordering = ("-id",)

    @display(description=_("Limits"))  # type: ignore[untyped-decorator]
    def limits(self, row: ChargingLimit) -> str:
        """The periods of the first schedule, in words."""
        return _periods(row.schedules)

    @display(description=_("Since (UTC)"), ordering="began_at")  # type: ignore[untyped-decorator]
    def began(self, row: ChargingLimit) -> str:
        """When, in UTC."""
        return utc(row.began_at)

    @display(description=_("Cleared (UTC)"), ordering="cleared_at")  # type: ignore[untyped-decorator]
    def cleared(self, row: ChargingLimit) -> str:
        """When, in UTC."""
        return _when(row.cleared_at)


@admin.register(DisplayMessage)
class DisplayMessageAdmin(SendsByForm):
    """Messages on stations' displays."""

    add_form = DisplayMessageForm
    add_title = _("Show a message on a display")
    add_deed = "display_message.queued"

    list_display = (
        "message_id",
        "charge_point",
        "priority",
        "shown_in",
        "content",
        "state",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("content", "charge_point__identity")
    list_select_related = ("operator", "charge_point")
    ordering = ("-id",)


@admin.register(CustomerInformation)
class CustomerInformationAdmin(OwnListAdmin):
    """What stations told of customers; dropped after a while."""

    list_display = (
        "request_id",
        "charge_point",
        "state",
        "status_text",
        "is_report",
        "is_clear",
        "text",
        "operator",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("charge_point__identity",)
    list_select_related = ("operator", "charge_point")
    ordering = ("-id",)
