"""Commands: what was asked, what the station answered."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.configuration import send_url
from charge_points.admin.filters import StationSiteFilter
from charge_points.models import Command
from charge_points.models.states import COMMAND_OPEN
from charge_points.services import commands
from charge_points.services.masking import mask, mask_payload
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    link,
    order_url,
    state,
    utc,
)
from cpms.accounts.models import Membership
from cpms.accounts.services import audit
from cpms.kernel.zones import zone_named


@admin.register(Command)
class CommandAdmin(PageAdmin):
    """Commands of the operator; a new one is sent from its charge point's page."""

    page_template = "charge_points/command.html"
    action_roles = frozenset({Membership.Role.TECHNICIAN})
    list_display = (
        "id",
        "what",
        "station",
        "status",
        "answer",
        "order",
        "requested_by",
        "asked",
        "operator",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        StationSiteFilter,
        OperatorFilter,
    )
    search_fields = ("action", "intent", "charge_point__identity", "order_number")
    search_help_text = _("Action, charge point or order number")
    list_select_related = ("operator", "charge_point")
    ordering = ("-id",)

    @display(description=_("Asked (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def asked(self, row: Command) -> str:
        """When, in UTC."""
        return utc(row.created_at)

    @display(description=_("Asked for"))  # type: ignore[untyped-decorator]
    def what(self, row: Command) -> str:
        """The OCPP action once it is worded, the intent before."""
        return row.action or row.intent

    @display(description=_("Charge point"), ordering="charge_point__identity")  # type: ignore[untyped-decorator]
    def station(self, row: Command) -> str:
        """With the way to its page."""
        address = reverse(
            "admin:charge_points_chargepoint_change", args=[row.charge_point_id]
        )
        return link(address, row.charge_point.identity)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: Command) -> tuple[str, str]:
        """Its state."""
        return state(row.state)

    @display(description=_("Answer"))  # type: ignore[untyped-decorator]
    def answer(self, row: Command) -> str:
        """The station's own word, or why there is none."""
        return row.error_code or row.status_text

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]
    def order(self, row: Command) -> str:
        """The order it serves."""
        return link(order_url(row.order_number), row.order_number)

    def get_urls(self) -> list[URLPattern]:
        """Taking back beside the page itself."""
        cancel = self.admin_site.admin_view(require_POST(self.cancel_view))
        own = path(
            "<int:object_id>/cancel/", cancel, name="charge_points_command_cancel"
        )
        return [own, *super().get_urls()]

    def cancel_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take back a command that has not been sent."""
        row = self.row_or_404(request, object_id)
        if not self.may_act_on(request, row):
            raise PermissionDenied
        now = timezone.now()
        if commands.cancel(command_id=row.pk, at=now):
            audit.record(
                operator_id=row.operator_id,
                actor=str(request.user),
                action="command.cancelled",
                object=f"charge point {row.charge_point.identity}",
                changes={"command": row.pk},
                at=now,
            )
            messages.success(request, _("The command was taken back."))
        else:
            messages.error(request, _("It was sent already, or has ended."))
        return HttpResponseRedirect(
            reverse("admin:charge_points_command_change", args=[row.pk])
        )

    def page(self, request: HttpRequest, row: Command) -> dict[str, Any]:
        """Request and answer; secrets masked also while it waits."""
        del request
        payload = mask_payload(row.action, row.payload)
        again = send_url(row.charge_point, row.action, payload) if row.action else ""
        return {
            "title": f"{row.action or row.intent} #{row.pk}",
            "zone": zone_named(row.charge_point.site.time_zone),
            "payload": payload,
            "arguments": mask(row.arguments),
            "follow_ups": commands.follow_ups.follow_ups_of(row.pk),
            "is_open": row.state in COMMAND_OPEN,
            "is_queued": row.state == Command.State.QUEUED,
            "again_url": again,
        }
