"""Charge points: the list, the page of one, taking one in, letting one in."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.configuration import configuration_page, variable_page
from charge_points.admin.filters import (
    ConnectorStatusFilter,
    OnlineFilter,
    SiteFilter,
    VersionFilter,
)
from charge_points.admin.message_log import message_page
from charge_points.admin.sending import send_page
from charge_points.admin.station_form import IntervalsForm, NewStationForm
from charge_points.admin.station_reading import station_facts
from charge_points.models import ChargePoint, CommandBatch, Connector
from charge_points.services import boots, provisioning
from charge_points.services.gateway_address import gateway_address
from charge_points.services.selection import SELECTED_MAX, checked
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    framed,
    is_platform,
    operators_to_act_for,
    operators_to_add_to,
    state,
    tone,
    utc,
)
from cpms.accounts.models import Membership
from cpms.kernel.errors import DomainError

if TYPE_CHECKING:
    from charge_points.admin.batches import CommandBatchAdmin


@admin.register(ChargePoint)
class ChargePointAdmin(PageAdmin):
    """Charge points of the operator."""

    page_template = "charge_points/station.html"
    action_roles = frozenset({Membership.Role.TECHNICIAN})
    list_display = (
        "identity",
        "operator",
        "site",
        "connection",
        "registered",
        "states",
        "ocpp_version",
        "hardware",
        "last_seen",
    )
    list_filter = (
        OnlineFilter,
        ConnectorStatusFilter,
        ("registration", ChoicesDropdownFilter),
        VersionFilter,
        SiteFilter,
        OperatorFilter,
    )
    search_fields = ("identity", "serial_number", "vendor", "model", "site__name")
    search_help_text = _("Identity, serial number, vendor, model or site")
    list_select_related = ("operator", "site")
    ordering = ("identity",)
    actions = ("accept", "send_command")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the connectors, in one more statement."""
        return super().get_queryset(request).prefetch_related("connector_set")

    @display(description=_("Connection"), label=TONES)  # type: ignore[untyped-decorator]
    def connection(self, row: ChargePoint) -> tuple[str, str]:
        """Online, offline, or never seen."""
        if row.connected_at is None:
            return state("never")
        return state("online" if row.is_online else "offline")

    @display(description=_("Registration"), label=TONES)  # type: ignore[untyped-decorator]
    def registered(self, row: ChargePoint) -> tuple[str, str]:
        """Whether it was let in."""
        return state(row.registration)

    @display(description=_("Connectors"))  # type: ignore[untyped-decorator]
    def states(self, row: ChargePoint) -> str:
        """Each connector's state."""
        found: list[Connector] = sorted(
            row.connector_set.all(), key=lambda one: (one.evse_number, one.number)
        )
        return format_html_join(
            " ",
            '<span class="c-badge {}" title="{}">{}</span>',
            ((tone(c.status), f"{c} {c.code}", c.get_status_display()) for c in found),
        )

    @display(description=_("Model"))  # type: ignore[untyped-decorator]
    def hardware(self, row: ChargePoint) -> str:
        """Vendor and model."""
        return f"{row.vendor} {row.model}".strip()

    @display(description=_("Last seen (UTC)"))  # type: ignore[untyped-decorator]
    def last_seen(self, row: ChargePoint) -> str:
        """Since when online, or when it was lost (presence itself is a lease)."""
        if row.connected_at is None:
            return ""
        if row.disconnected_at is None:
            return format_html(str(_("online since {}")), utc(row.connected_at))
        return utc(row.disconnected_at)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Technicians take charge points in."""
        return is_platform(request) or bool(
            operators_to_act_for(request, self.action_roles)
        )

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the list offers actions at all; each row is asked again."""
        return self.has_add_permission(request)

    @admin.action(description=_("Accept (registration)"), permissions=["act"])
    def accept(self, request: HttpRequest, rows: QuerySet[ChargePoint]) -> None:
        """Accept all that are selected and not accepted yet."""
        done = 0
        for row in rows.exclude(registration=ChargePoint.Registration.ACCEPTED):
            if not self.may_act_on(request, row):
                raise PermissionDenied
            self._register(request, row, ChargePoint.Registration.ACCEPTED)
            done += 1
        messages.success(request, _("%s charge points were accepted.") % done)

    @admin.action(description=_("Send a command to the selected"), permissions=["act"])
    def send_command(
        self, request: HttpRequest, rows: QuerySet[ChargePoint]
    ) -> HttpResponse | None:
        """The form for one command to all of them."""
        try:
            stations = checked(tuple(rows.order_by("identity")[: SELECTED_MAX + 1]))
        except DomainError as error:
            messages.error(request, error.message)
            return None
        if not all(self.may_act_on(request, row) for row in stations):
            raise PermissionDenied
        page: CommandBatchAdmin = self.admin_site.get_model_admin(CommandBatch)
        return page.send_page(request, stations)

    def get_urls(self) -> list[URLPattern]:
        """The pages of one charge point beside its own."""
        wrap = self.admin_site.admin_view
        pages = [
            ("messages", "<int:object_id>/messages/", self.messages_view),
            (
                "configuration",
                "<int:object_id>/configuration/",
                self.configuration_view,
            ),
            (
                "variable",
                "<int:object_id>/configuration/<int:variable_id>/",
                self.variable_view,
            ),
            ("send", "<int:object_id>/send/", self.send_view),
            (
                "register",
                "<int:object_id>/register/",
                require_POST(self.register_view),
            ),
            (
                "intervals",
                "<int:object_id>/intervals/",
                require_POST(self.intervals_view),
            ),
            (
                "password",
                "<int:object_id>/password/",
                require_POST(self.password_view),
            ),
        ]
        own = [
            path(route, wrap(view), name=f"charge_points_chargepoint_{name}")
            for name, route, view in pages
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def page(self, request: HttpRequest, row: ChargePoint) -> dict[str, Any]:
        """Everything on one page; long tables have pages of their own."""
        del request
        return {
            "facts": station_facts(row, at=timezone.now()),
            "tab": "overview",
            "address": gateway_address(row.security_profile),
        }

    def messages_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The message log."""
        row = self.row_or_404(request, object_id)
        context = message_page(request, row, at=timezone.now())
        return self.render(request, "charge_points/messages.html", row, **context)

    def configuration_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The configuration table."""
        row = self.row_or_404(request, object_id)
        context = configuration_page(request, row)
        return self.render(request, "charge_points/configuration.html", row, **context)

    def variable_view(
        self, request: HttpRequest, object_id: int, variable_id: int
    ) -> HttpResponse:
        """One variable with its history."""
        row = self.row_or_404(request, object_id)
        context = variable_page(row, variable_id)
        return self.render(request, "charge_points/variable.html", row, **context)

    def send_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The form for a command."""
        row = self._row_to_act_on(request, object_id)
        outcome = send_page(request, row, at=timezone.now())
        if isinstance(outcome, HttpResponse):
            return outcome
        return self.render(request, "charge_points/send.html", row, **outcome)

    def register_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Accept or reject with one click."""
        row = self._row_to_act_on(request, object_id)
        wanted = request.POST.get("registration", "")
        if wanted not in ChargePoint.Registration.values:
            messages.error(request, _("Choose accepted, pending or rejected."))
        else:
            self._register(request, row, wanted)
            messages.success(
                request,
                _("%(identity)s is %(state)s; it learns so when it next boots.")
                % {"identity": row.identity, "state": row.get_registration_display()},
            )
        return HttpResponseRedirect(
            reverse("admin:charge_points_chargepoint_change", args=[row.pk])
        )

    def intervals_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """How often it reports, and when it may ask again while it waits."""
        row = self._row_to_act_on(request, object_id)
        form = IntervalsForm(request.POST)
        if form.is_valid():
            boots.set_intervals(
                charge_point_id=row.pk,
                **form.cleaned_data,
                by=str(request.user),
                at=timezone.now(),
            )
            messages.success(
                request, _("%s learns it when it next boots.") % row.identity
            )
        else:
            messages.error(request, _("Intervals are whole seconds, at most a day."))
        return HttpResponseRedirect(
            reverse("admin:charge_points_chargepoint_change", args=[row.pk])
        )

    def password_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Another password, shown this once."""
        row = self._row_to_act_on(request, object_id)
        password = provisioning.change_password(
            charge_point_id=row.pk,
            password=None,
            by=str(request.user),
            at=timezone.now(),
        )
        return self._secret(request, row, password)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take a charge point in; its password is shown this once."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewStationForm(
            request.POST or None,
            operators=operators_to_add_to(request, self.action_roles),
        )
        if request.method == "POST" and form.is_valid():
            try:
                created = provisioning.create_charge_point(
                    wanted=form.wanted(), by=str(request.user), at=timezone.now()
                )
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                row = self.row_or_404(request, created.charge_point_id)
                return self._secret(request, row, created.password)
        return self._new_page(request, form)

    def _row_to_act_on(self, request: HttpRequest, object_id: int) -> ChargePoint:
        row: ChargePoint = self.row_or_404(request, object_id)
        if not self.may_act_on(request, row):
            raise PermissionDenied
        return row

    def _new_page(self, request: HttpRequest, form: forms.Form) -> TemplateResponse:
        title = _("Add a charge point")
        template = "charge_points/new_station.html"
        return framed(self, request, template, title=title, form=form)

    def _secret(
        self, request: HttpRequest, row: ChargePoint, password: str | None
    ) -> TemplateResponse:
        return self.render(
            request,
            "charge_points/station_password.html",
            row,
            password=password,
            address=gateway_address(row.security_profile),
            connectors=row.connector_set.order_by("evse_number", "number"),
        )

    def _register(self, request: HttpRequest, row: ChargePoint, wanted: str) -> None:
        provisioning.register(
            charge_point_id=row.pk,
            registration=wanted,
            by=str(request.user),
            at=timezone.now(),
        )
