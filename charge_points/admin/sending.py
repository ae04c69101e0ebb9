"""The form that sends a command: any OCPP action of the station's version."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from charge_points.admin.schema_help import (
    action_groups,
    example_payload,
    field_help,
)
from charge_points.handlers.asking import check
from charge_points.models import ChargePoint
from charge_points.ocpp.schemas import MESSAGE_SETS
from charge_points.ocpp.wire_text import is_deep, without_nul
from charge_points.services import commands, deferred_changes
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret
from cpms.kernel.zones import zone_named

PAYLOAD_CHARS_MAX: Final = 65_536
LIFETIMES: Final = (
    ("10", _("10 minutes")),
    ("60", _("1 hour")),
    ("1440", _("1 day")),
    ("10080", _("7 days")),
)


class SendForm(forms.Form):
    """A payload for one action; ``key`` makes a second click the same command."""

    payload = forms.CharField(
        max_length=PAYLOAD_CHARS_MAX,
        widget=forms.Textarea(attrs={"spellcheck": "false", "rows": 16}),
    )
    lifetime = forms.ChoiceField(
        label=_("Give up after"),
        choices=LIFETIMES,
        help_text=_("A station that is offline gets it when it comes back in time."),
    )
    key = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(
        self,
        data: Any,  # noqa: ANN401 - what Django takes
        *,
        version: str,
        action: str,
        initial: dict[str, Any] | None = None,
    ) -> None:
        """A form for `action` of `version`."""
        super().__init__(data, initial=initial)
        self._version = version
        self._action = action

    def clean_payload(self) -> dict[str, Any]:
        """The payload, valid by the schema of the station's version."""
        text = self.cleaned_data["payload"]
        try:
            payload = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _("This is not JSON: %(why)s in line %(line)s, column %(column)s.")
                % {"why": error.msg, "line": error.lineno, "column": error.colno}
            ) from error
        except RecursionError as error:
            raise forms.ValidationError(_("This JSON is nested too deeply.")) from error
        if not isinstance(payload, dict):
            raise forms.ValidationError(_("A payload is a JSON object: { … }."))
        if is_deep([payload]):
            raise forms.ValidationError(_("This JSON is nested too deeply."))
        if without_nul(payload) != payload:  # PostgreSQL's JSON cannot hold it
            raise forms.ValidationError(_("No text may hold the character U+0000."))
        try:
            self.check_payload(payload)
        except DomainError as error:
            raise forms.ValidationError(error.message) from error
        return payload

    def check_payload(self, payload: dict[str, Any]) -> None:
        """Valid by the schema of the station's version.

        Raises:
            UnableToAsk: it is not.
        """
        check(self._version, self._action, payload)


def _refuse_constant(word: str) -> None:
    raise forms.ValidationError(_("%s is not a number that JSON knows.") % word)


def send_page(
    request: HttpRequest, row: ChargePoint, *, at: datetime
) -> HttpResponse | dict[str, Any]:
    """Choose an action, fill in its payload, queue it.

    Returns:
        What the page shows, or the way to the command that was queued.
    """
    version = row.ocpp_version
    action = request.POST.get("action") or request.GET.get("action") or ""
    context = {
        "tab": "send",
        "title": _("%s: send a command") % row.identity,
        "zone": zone_named(row.site.time_zone),
        "version": version,
        "action": "",
        "groups": [],
    }
    if version not in MESSAGE_SETS:
        return context
    context["groups"] = action_groups(version)
    if action not in MESSAGE_SETS[version].outgoing:
        return context
    form = SendForm(
        request.POST if request.method == "POST" else None,
        version=version,
        action=action,
        initial=_initial(request, version, action),
    )
    if request.method == "POST" and form.is_valid():
        context["warnings"] = _warnings(request, row, action, form)
        if not context["warnings"]:
            sent = _queue(request, row, form, action=action, at=at)
            if sent is not None:
                return sent
    context |= {
        "action": action,
        "form": form,
        "fields": field_help(version, action),
    }
    return context


def _warnings(
    request: HttpRequest, row: ChargePoint, action: str, form: SendForm
) -> list[str]:
    """Charges that it would end, or that stand in its way; none once confirmed."""
    if request.POST.get("confirmed"):
        return []
    return deferred_changes.charges_in_the_way(
        charge_point_id=row.pk,
        version=row.ocpp_version,
        action=action,
        payload=form.cleaned_data["payload"],
    )


def _initial(request: HttpRequest, version: str, action: str) -> dict[str, Any]:
    text = request.GET.get("payload", "")[:PAYLOAD_CHARS_MAX]
    try:
        payload = json.loads(text) if text else example_payload(version, action)
    except (json.JSONDecodeError, RecursionError):
        payload = example_payload(version, action)
    return {
        "payload": json.dumps(payload, indent=2, ensure_ascii=False),
        "key": new_secret(bits=128),
    }


def _queue(
    request: HttpRequest,
    row: ChargePoint,
    form: SendForm,
    *,
    action: str,
    at: datetime,
) -> HttpResponse | None:
    clean = form.cleaned_data
    try:
        command = commands.queue(
            charge_point_id=row.pk,
            action=action,
            payload=clean["payload"],
            by=str(request.user),
            idempotency_key=clean["key"],
            expires_at=at + timedelta(minutes=int(clean["lifetime"])),
            at=at,
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return None
    if command.created_at == at:
        audit.record(
            operator_id=row.operator_id,
            actor=str(request.user),
            action="command.queued",
            object=f"charge point {row.identity}",
            # The payload may hold a password: the command's own row masks it.
            changes={"command": command.pk, "ocpp_action": action},
            at=at,
        )
    messages.success(
        request,
        _("%(action)s was queued for %(identity)s.")
        % {"action": action, "identity": row.identity},
    )
    return HttpResponseRedirect(
        reverse("admin:charge_points_command_change", args=[command.pk])
    )
