"""Forms made from a message's JSON schema: a field for each value."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from charge_points.admin.add_forms import AddByService, KeyedForm, StationForm
from charge_points.admin.schema_help import limits_of
from charge_points.events import iso
from charge_points.handlers.asking import check
from charge_points.models import ChargePoint, Command, DisplayMessage
from charge_points.ocpp.schemas import call_schema
from charge_points.ocpp.versions import V201
from charge_points.services import commands
from charge_points.services.displays import MESSAGE_IDS_FROM
from cpms.kernel.errors import DomainError

LIFETIME: Final = timedelta(days=1)
CHOICE_EMPTY: Final = ("", "—")
NOT_ASKED: Final = "customData"
SECRETS: Final = frozenset({"apnPassword", "simPin", "key", "password"})
_CAPITALS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Schema = dict[str, Any]
Leaf = tuple[tuple[str, ...], Schema, bool]
"""(path in the payload, schema of the value, whether it has to be there)"""


def leaves(
    schema: Schema, path: tuple[str, ...] = (), *, must: bool = True
) -> Iterator[Leaf]:
    """The values of a message, required ones first; lists have no field."""
    required = set(schema.get("required", ()))
    properties = schema.get("properties", {})
    for name in sorted(properties, key=lambda name: (name not in required, name)):
        child, here = properties[name], (*path, name)
        needed = must and name in required
        if name == NOT_ASKED or child.get("type") == "array":
            continue
        if child.get("type") == "object":
            yield from leaves(child, here, must=needed)
        else:
            yield here, child, needed


def field_of(path: tuple[str, ...], schema: Schema, *, must: bool) -> forms.Field:
    """The form field of a value."""
    words = " ".join(_CAPITALS.split(": ".join(path)))
    base: dict[str, Any] = {
        "label": words[:1].upper() + words[1:],
        "required": must,
        "help_text": "" if "enum" in schema else limits_of(schema),
    }
    if "enum" in schema:
        given = [(word, word) for word in schema["enum"]]
        return forms.ChoiceField(
            choices=given if must else [CHOICE_EMPTY, *given], **base
        )
    kind = schema.get("type")
    if kind == "boolean":
        return forms.BooleanField(**{**base, "required": False})
    if kind == "integer":
        return forms.IntegerField(min_value=schema.get("minimum"), **base)
    if schema.get("format") == "date-time":
        return forms.DateTimeField(**{**base, "label": f"{base['label']} (UTC)"})
    if path[-1] in SECRETS:
        base["widget"] = forms.PasswordInput
    return forms.CharField(max_length=schema.get("maxLength"), **base)


class SchemaForm(StationForm):
    """A form for one message of 2.0.1 to one charge point.

    The payload is put together from what was filled in and then checked by the whole
    schema: an object whose fields are all empty is left out.
    """

    action: ClassVar[str]
    by_us: ClassVar[frozenset[tuple[str, ...]]] = frozenset()
    """Values that are filled in here where they are left empty."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """With the fields of the message."""
        super().__init__(*args, **options)
        self.paths: dict[str, tuple[str, ...]] = {}
        for path, schema, must in leaves(call_schema(V201, self.action).document):
            name = ".".join(path)
            needed = must and path not in self.by_us
            self.fields[name] = field_of(path, schema, must=needed)
            self.paths[name] = path

    def fill_in(self, payload: dict[str, Any], station: ChargePoint) -> None:
        """Fill in what is ours."""

    def clean(self) -> dict[str, Any]:
        """The payload, valid by the schema of the station's version."""
        clean = super().clean() or self.cleaned_data
        if self.errors:
            return clean
        payload: dict[str, Any] = {}
        for name, path in self.paths.items():
            value = clean.get(name)
            if not (value is None or value is False or value == ""):
                _put(payload, path, value)
        self.fill_in(payload, clean["charge_point"])
        try:
            check(clean["charge_point"].ocpp_version, self.action, payload)
        except DomainError as error:
            raise forms.ValidationError(error.message) from error
        clean["payload"] = payload
        return clean


def _put(payload: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    *parents, last = path
    for name in parents:
        payload = payload.setdefault(name, {})
    payload[last] = iso(value.astimezone(UTC)) if isinstance(value, datetime) else value


class SendsByForm(AddByService):
    """A list whose rows come to be when a station takes a message: a form sends it."""

    add_button = _("Send it")

    def perform(
        self, request: HttpRequest, form: KeyedForm, *, at: datetime
    ) -> Command:
        """Queue the message; the row of the list comes with the station's answer."""
        clean = form.cleaned_data
        if not isinstance(form, SchemaForm):
            raise TypeError("a message is sent by a form of its schema")
        return commands.queue(
            charge_point_id=clean["charge_point"].pk,
            action=form.action,
            payload=clean["payload"],
            by=str(request.user),
            idempotency_key=clean["key"],
            expires_at=at + LIFETIME,
            at=at,
        )

    def url_after(self, row: Command) -> str:
        """The command, where the answer will be."""
        return reverse("admin:charge_points_command_change", args=[row.pk])


class DisplayMessageForm(SchemaForm):
    """A message for a station's display (2.0.1 O01, O02)."""

    action = "SetDisplayMessage"
    by_us = frozenset({("message", "id")})

    def fill_in(self, payload: dict[str, Any], station: ChargePoint) -> None:
        """A message without an id is a new one; those of certificates lie above."""
        message = payload["message"]
        if "id" not in message:
            newest = (
                DisplayMessage.objects.filter(
                    charge_point=station, message_id__lt=MESSAGE_IDS_FROM - 1
                )
                .order_by("-message_id")
                .values_list("message_id", flat=True)
                .first()
            )
            message["id"] = (newest or 0) + 1


class NetworkProfileForm(SchemaForm):
    """How a station reaches its platform, into one of its slots (2.0.1 B09)."""

    action = "SetNetworkProfile"
