"""The JSON shapes of the network's REST."""

import json
from decimal import Decimal
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from charge_points.events import whole_wh
from charge_points.models import (
    ChargePoint,
    Command,
    CommandFollowUp,
    Connector,
    MessageLog,
    Transaction,
)
from charge_points.ocpp.schemas import MESSAGE_SETS
from charge_points.ocpp.wire_text import is_deep, without_nul
from charge_points.services.commands import follow_ups
from charge_points.services.connectors import EVSES_MAX
from charge_points.services.masking import mask_payload
from charge_points.services.provisioning import (
    DEFAULT_SITE,
    IDENTITY,
    PASSWORD_CHARS,
)

WAIT_MAX_S: Final = 30
POWER_MAX_W: Final = 10_000_000


class ConnectorShape(serializers.ModelSerializer[Connector]):
    """A connector."""

    evse = serializers.IntegerField(source="evse_number")
    connector = serializers.IntegerField(source="number")

    class Meta:
        model = Connector
        fields = (
            "evse",
            "connector",
            "code",
            "type",
            "max_power_w",
            "status",
            "status_at",
            "error_code",
        )


class ChargePointShape(serializers.ModelSerializer[ChargePoint]):
    """A charge point."""

    operator = serializers.CharField(source="operator.code")
    site = serializers.CharField(source="site.name")
    online = serializers.BooleanField(source="is_online")
    connectors = ConnectorShape(many=True, source="connector_set")

    class Meta:
        model = ChargePoint
        fields = (
            "identity",
            "operator",
            "site",
            "ocpp_version",
            "security_profile",
            "registration",
            "online",
            "connected_at",
            "disconnected_at",
            "vendor",
            "model",
            "serial_number",
            "firmware_version",
            "last_boot_at",
            "status",
            "connectors",
        )


class NewChargePoint(serializers.Serializer[Any]):
    """Take in a charge point."""

    identity = serializers.RegexField(
        f"^{IDENTITY.pattern}$", help_text="As it calls itself at the end of its URL."
    )
    operator = serializers.SlugField(
        required=False, help_text="Code; for staff of several operators only."
    )
    security_profile = serializers.IntegerField(
        min_value=0,
        max_value=3,
        default=1,
        help_text="1: password; 2: password and TLS; 3: client certificate; 0: "
        "nothing, where the operator allows it.",
    )
    password = serializers.CharField(
        min_length=PASSWORD_CHARS.start,
        max_length=PASSWORD_CHARS.stop - 1,
        required=False,
        trim_whitespace=False,
        help_text="Left out: one is made. For profiles 1 and 2.",
    )
    evses = serializers.IntegerField(
        min_value=1, max_value=EVSES_MAX, default=1, help_text="One connector each."
    )
    ocpp_version = serializers.ChoiceField(
        choices=[*MESSAGE_SETS],
        required=False,
        help_text="Known from the first connection on anyway.",
    )
    max_power_w = serializers.IntegerField(
        min_value=0, max_value=POWER_MAX_W, default=0, help_text="0: not known."
    )
    connector_type = serializers.ChoiceField(
        choices=Connector.Type.choices, required=False
    )
    site = serializers.CharField(
        max_length=120, default=DEFAULT_SITE, help_text="A new name makes a new site."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a password where none is used."""
        if "password" in attrs and attrs["security_profile"] not in {1, 2}:
            raise serializers.ValidationError(
                {"password": "Security profiles 0 and 3 use no password."}
            )
        return attrs


class NewChargePointAnswer(serializers.Serializer[Any]):
    """The only moment at which the password is known."""

    identity = serializers.CharField()
    operator = serializers.CharField()
    password = serializers.CharField(
        allow_null=True, help_text="null for profiles 0 and 3"
    )
    connector_codes = serializers.ListField(
        child=serializers.CharField(),
        help_text="What the labels at the connectors say, in order of the EVSEs.",
    )


def storable(payload: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no JSON column can hold and no OCPP message says.

    Raises:
        ValidationError: too deep, or a number or character that JSON does not have.
    """
    if is_deep([payload]):
        raise serializers.ValidationError("The payload is nested too deeply.")
    try:
        text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
        text.encode()
    except ValueError as error:  # 1e999, or half of a surrogate pair
        raise serializers.ValidationError(
            "The payload holds a number or a character that JSON does not have."
        ) from error
    if without_nul(payload) != payload:
        raise serializers.ValidationError(
            "The payload holds the character U+0000, which cannot be stored."
        )
    return payload


class CommandRequest(serializers.Serializer[Any]):
    """An OCPP action exactly as the specification of the station's version says."""

    action = serializers.CharField(max_length=60)
    payload = serializers.DictField(
        default=dict, help_text="The OCPP payload, as the station's version writes it."
    )
    wait_s = serializers.IntegerField(
        min_value=0,
        max_value=WAIT_MAX_S,
        default=0,
        help_text="How long to wait for the charge point's answer.",
    )
    not_before = serializers.DateTimeField(
        required=False, help_text="Not sent earlier; without it: at once."
    )
    expires_at = serializers.DateTimeField(
        required=False,
        help_text="Not sent later, at most 30 days from now; without it: ten minutes "
        "after `not_before`.",
    )

    def validate_payload(self, value: dict[str, Any]) -> dict[str, Any]:
        """Refuse what cannot be kept."""
        return storable(value)


class CommandShape(serializers.ModelSerializer[Command]):
    """A command and the charger's answer."""

    status = serializers.ChoiceField(source="state", choices=Command.State.choices)
    payload = serializers.SerializerMethodField()
    response = serializers.DictField(
        allow_null=True, help_text="The payload of the charge point's answer."
    )
    error = serializers.SerializerMethodField()

    class Meta:
        model = Command
        fields: tuple[str, ...] = (
            "id",
            "status",
            "intent",
            "action",
            "payload",
            "requested_by",
            "created_at",
            "sent_at",
            "answered_at",
            "scheduled_at",
            "expires_at",
            "status_text",
            "response",
            "error",
        )

    def get_payload(self, command: Command) -> dict[str, Any]:
        """What is sent, secrets masked."""
        return dict(mask_payload(command.action, command.payload))

    def get_error(self, command: Command) -> str | None:
        """Why it failed."""
        if not command.error_code:
            return None
        return f"{command.error_code}: {command.error_text}".rstrip(": ")


class FollowUpShape(serializers.ModelSerializer[CommandFollowUp]):
    """A report or notification that the command asked for."""

    class Meta:
        model = CommandFollowUp
        fields = ("action", "status", "part", "is_last", "entries", "received_at")


class CommandDetailShape(CommandShape):
    """A command, the answer, and what the charge point reported because of it."""

    follow_ups = serializers.SerializerMethodField()

    class Meta(CommandShape.Meta):
        fields = (*CommandShape.Meta.fields, "follow_ups")

    @extend_schema_field(FollowUpShape(many=True))
    def get_follow_ups(self, command: Command) -> list[dict[str, Any]]:
        """In the order of their arrival; where OCPP has a request id."""
        found = follow_ups.follow_ups_of(command.pk)
        return list(FollowUpShape(found, many=True).data)


class WholeWh(serializers.IntegerField):
    """Energy as everywhere in this interface: whole Wh, half up."""

    def to_representation(self, value: Decimal) -> int:  # type: ignore[override]  # a column of Wh with decimals
        """Round as billing does."""
        return whole_wh(value)


class SignedValueShape(serializers.Serializer[Any]):
    """A signed meter value, unchanged, and what became of it."""

    data = serializers.CharField(help_text="as sent")  # type: ignore[assignment]  # DRF's own name too
    context = serializers.CharField()  # type: ignore[assignment]  # as above
    encoding_method = serializers.CharField()
    public_key = serializers.CharField(help_text="that came along; often empty")
    verdict = serializers.ChoiceField(
        choices=["", "verified", "wrong", "no_key", "not_understood"],
        help_text="empty while the charge runs",
    )
    key = serializers.CharField(help_text="SHA-256 of the key it was checked with")
    key_source = serializers.ChoiceField(choices=["", "registered", "sent"])
    page = serializers.CharField(help_text="OCMF pagination")
    meter = serializers.CharField(help_text="serial number in the record")
    detail = serializers.CharField()


_UNCHECKED: Final = dict.fromkeys(
    ("verdict", "key", "key_source", "page", "meter", "detail"), ""
)


class TransactionShape(serializers.ModelSerializer[Transaction]):
    """An OCPP transaction."""

    transaction_id = serializers.CharField(source="ocpp_id")
    charge_point = serializers.CharField(source="charge_point.identity")
    evse = serializers.IntegerField(source="evse_number")
    connector = serializers.IntegerField(source="connector_number")
    meter_start_wh = WholeWh(allow_null=True)
    meter_stop_wh = WholeWh(allow_null=True)
    energy_wh = WholeWh(allow_null=True, help_text="null until it ends")
    signed_values = serializers.SerializerMethodField()

    class Meta:
        model = Transaction
        fields = (
            "id",
            "transaction_id",
            "charge_point",
            "evse",
            "connector",
            "state",
            "started_by",
            "order_number",
            "id_token",
            "offline",
            "started_at",
            "ended_at",
            "stop_reason",
            "meter_start_wh",
            "meter_stop_wh",
            "energy_wh",
            "estimated",
            "review_reason",
            "signature_status",
            "signed_values",
        )

    @extend_schema_field(SignedValueShape(many=True))
    def get_signed_values(self, row: Transaction) -> list[dict[str, Any]]:
        """Each value with its check, in the order of arrival."""
        checks = [*row.signature_checks, *[{}] * len(row.signed_values)]
        return [
            {**_UNCHECKED, **check, **value}
            for value, check in zip(row.signed_values, checks, strict=False)
        ]


class MessageShape(serializers.ModelSerializer[MessageLog]):
    """One CALL and its answer; secrets are masked."""

    class Meta:
        model = MessageLog
        fields = (
            "at",
            "incoming",
            "version",
            "action",
            "message_id",
            "text",
            "answer_text",
            "answered_at",
        )
