"""One command for the selected charge points, and how far it is."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from charge_points.admin.schema_help import action_groups, example_text, field_help
from charge_points.admin.sending import SendForm
from charge_points.handlers.asking import check_many
from charge_points.models import ChargePoint, CommandBatch
from charge_points.ocpp.schemas import MESSAGE_SETS
from charge_points.services.commands import batches
from charge_points.services.selection import SELECTED_MAX, Selection, checked
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    PageAdmin,
    framed,
    is_platform,
    operators_to_act_for,
    state,
    utc,
)
from cpms.accounts.models import Membership
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret

MEMBERS_SHOWN: Final = 100
ROLES: Final = frozenset({Membership.Role.TECHNICIAN})


class BatchForm(SendForm):
    """As for one charge point, with a pace."""

    at_once = forms.IntegerField(
        label=_("At the same time"),
        min_value=1,
        max_value=SELECTED_MAX,
        required=False,
        help_text=_("So many charge points; empty: all."),
    )
    not_before = forms.DateTimeField(
        label=_("Not before (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(
        self,
        data: Any,  # noqa: ANN401 - what Django takes
        *,
        versions: dict[str, str],
        action: str,
        initial: dict[str, Any] | None = None,
    ) -> None:
        """A form for `action` to these charge points: identity -> version."""
        super().__init__(
            data, version=next(iter(versions.values())), action=action, initial=initial
        )
        self._versions = versions

    def check_payload(self, payload: dict[str, Any]) -> None:
        """Valid for every charge point."""
        check_many(self._versions, self._action, payload)


def stations_to_ask(request: HttpRequest) -> tuple[ChargePoint, ...]:
    """The charge points that the form names, if the user may act on all of them.

    Raises:
        PermissionDenied: not all are the user's to act on.
        UnableToSelect: none, too many, or of several operators.
    """
    words = request.POST.get("stations", "").split(",")[: SELECTED_MAX + 1]
    ids = {int(word) for word in words if word.isdecimal() and len(word) < 19}
    found = tuple(ChargePoint.objects.filter(pk__in=ids).order_by("identity"))
    own = operators_to_act_for(request, ROLES)
    if not is_platform(request) and any(row.operator_id not in own for row in found):
        raise PermissionDenied
    return checked(found)


@admin.register(CommandBatch)
class CommandBatchAdmin(PageAdmin):
    """Batches of the operator; a new one begins at the list of charge points."""

    page_template = "charge_points/batch.html"
    action_roles = ROLES
    list_display = (
        "id",
        "action",
        "size",
        "status",
        "requested_by",
        "asked",
        "operator",
    )
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("action",)
    list_select_related = ("operator",)
    ordering = ("-id",)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: CommandBatch) -> tuple[str, str]:
        """Its state."""
        return state(row.state)

    @display(description=_("Asked (UTC)"), ordering="created_at")  # type: ignore[untyped-decorator]
    def asked(self, row: CommandBatch) -> str:
        """When, in UTC."""
        return utc(row.created_at)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Not from here: charge points are selected first."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Sending and taking back beside the page itself."""
        wrap = self.admin_site.admin_view
        own = [
            path(
                "send/",
                wrap(require_POST(self.send_view)),
                name="charge_points_commandbatch_send",
            ),
            path(
                "<int:object_id>/cancel/",
                wrap(require_POST(self.cancel_view)),
                name="charge_points_commandbatch_cancel",
            ),
        ]
        return [*own, *super().get_urls()]

    def send_view(self, request: HttpRequest) -> HttpResponse:
        """Choose an action, fill in its payload, queue it for all."""
        try:
            stations = stations_to_ask(request)
        except DomainError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(
                reverse("admin:charge_points_chargepoint_changelist")
            )
        return self.send_page(request, stations)

    def send_page(
        self, request: HttpRequest, stations: tuple[ChargePoint, ...]
    ) -> HttpResponse:
        """The form for these charge points; also where the list's action leads."""
        versions = {row.identity: row.ocpp_version for row in stations}
        version = _common(versions)
        action = request.POST.get("ocpp_action", "")
        if version is None or action not in MESSAGE_SETS[version].outgoing:
            action = ""
        context: dict[str, Any] = {
            "stations": stations,
            "ids": ",".join(str(row.pk) for row in stations),
            "version": version,
            "groups": [] if version is None else action_groups(version),
            "action": action,
        }
        if version is not None and action:
            is_sent = "payload" in request.POST
            form = BatchForm(
                request.POST if is_sent else None,
                versions=versions,
                action=action,
                initial={
                    "payload": example_text(version, action),
                    "key": new_secret(bits=128),
                },
            )
            if is_sent and form.is_valid():
                done = self._send(request, stations, form, action)
                if done is not None:
                    return done
            context |= {"form": form, "fields": field_help(version, action)}
        return self._frame(request, context)

    def _frame(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        title = _("A command for %s charge points") % len(context["stations"])
        template = "charge_points/batch_send.html"
        return framed(self, request, template, title=title, **context)

    def _send(
        self,
        request: HttpRequest,
        stations: tuple[ChargePoint, ...],
        form: BatchForm,
        action: str,
    ) -> HttpResponse | None:
        clean, now = form.cleaned_data, timezone.now()
        begin: datetime = max(clean["not_before"] or now, now)
        chosen = Selection(identities=tuple(row.identity for row in stations))
        try:
            with transaction.atomic():
                row = batches.send(
                    wanted=batches.NewBatch(
                        operator_id=stations[0].operator_id,
                        charge_point_ids=tuple(row.pk for row in stations),
                        action=action,
                        payload=clean["payload"],
                        selection=chosen.as_json(),
                        idempotency_key=clean["key"],
                        not_before=begin,
                        expires_at=begin + timedelta(minutes=int(clean["lifetime"])),
                        at_once=clean["at_once"],
                    ),
                    by=str(request.user),
                    at=now,
                )
        except DomainError as error:
            form.add_error(None, error.message)
            return None
        if row.created_at == now:
            _note(request, row, "command_batch.sent", now)
        return HttpResponseRedirect(
            reverse("admin:charge_points_commandbatch_change", args=[row.pk])
        )

    def cancel_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take back what was not sent."""
        row = self.row_or_404(request, object_id)
        if not self.may_act_on(request, row):
            raise PermissionDenied
        now = timezone.now()
        if batches.cancel(batch_id=row.pk, at=now):
            _note(request, row, "command_batch.cancelled", now)
            messages.success(request, _("What was not sent yet was taken back."))
        else:
            messages.error(request, _("The batch had ended already."))
        return HttpResponseRedirect(
            reverse("admin:charge_points_commandbatch_change", args=[row.pk])
        )

    def page(self, request: HttpRequest, row: CommandBatch) -> dict[str, Any]:
        """Progress, and the charge points by page and state."""
        state = request.GET.get("state", "")
        members = batches.members_of(row.pk, state).order_by("charge_point__identity")
        counts = batches.progress_of([row.pk])[row.pk]
        left = counts["waiting"] + counts["queued"] + counts["sent"]
        return {
            "counts": {word: number for word, number in counts.items() if number},
            "done": row.size - left,
            "is_running": row.state == CommandBatch.State.RUNNING,
            "page": Paginator(members, MEMBERS_SHOWN).get_page(request.GET.get("page")),
            "state": state if state in batches.STATES else "",
        }


def _common(versions: dict[str, str]) -> str | None:
    """The version whose actions are offered; None: none of them ever connected."""
    known = sorted(word for word in set(versions.values()) if word in MESSAGE_SETS)
    return known[0] if known else None


def _note(request: HttpRequest, row: CommandBatch, deed: str, at: datetime) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=str(request.user),
        action=deed,
        object=f"command batch {row.pk}",
        changes={"ocpp_action": row.action, "charge_points": row.size},
        at=at,
    )
