"""The JSON shapes of the network's REST."""

import json
from typing import Any, Final

from rest_framework import serializers

from charge_points.models import (
    ChargePoint,
    Command,
    Connector,
    MessageLog,
    Transaction,
)

WAIT_MAX_S: Final = 30


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
    online = serializers.BooleanField(source="is_online")
    connectors = ConnectorShape(many=True, source="connector_set")

    class Meta:
        model = ChargePoint
        fields = (
            "identity",
            "operator",
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

    identity = serializers.RegexField(r"^[A-Za-z0-9*+=:|@._-]{1,48}$")
    security_profile = serializers.IntegerField(min_value=0, max_value=3, default=1)
    evses = serializers.IntegerField(min_value=1, max_value=100, default=1)


class NewChargePointAnswer(serializers.Serializer[Any]):
    """The only moment at which the password is known."""

    identity = serializers.CharField()
    password = serializers.CharField(allow_null=True)


class CommandRequest(serializers.Serializer[Any]):
    """An OCPP action exactly as the specification of the station's version says."""

    action = serializers.CharField(max_length=60)
    payload = serializers.JSONField(default=dict)
    wait_s = serializers.IntegerField(min_value=0, max_value=WAIT_MAX_S, default=0)

    def validate_payload(self, value: object) -> dict[str, Any]:
        """Demand an object."""
        if not isinstance(value, dict):
            raise serializers.ValidationError("The payload must be a JSON object.")
        if "\\u0000" in json.dumps(value):
            raise serializers.ValidationError(
                "The payload holds the character U+0000, which cannot be stored."
            )
        return value


class CommandShape(serializers.ModelSerializer[Command]):
    """A command and the charger's answer."""

    status = serializers.CharField(source="state")
    error = serializers.SerializerMethodField()

    class Meta:
        model = Command
        fields = (
            "id",
            "status",
            "intent",
            "action",
            "payload",
            "requested_by",
            "created_at",
            "sent_at",
            "answered_at",
            "expires_at",
            "status_text",
            "response",
            "error",
        )

    def get_error(self, command: Command) -> str | None:
        """Why it failed."""
        if not command.error_code:
            return None
        return f"{command.error_code}: {command.error_text}".rstrip(": ")


class TransactionShape(serializers.ModelSerializer[Transaction]):
    """An OCPP transaction."""

    transaction_id = serializers.CharField(source="ocpp_id")
    charge_point = serializers.CharField(source="charge_point.identity")
    evse = serializers.IntegerField(source="evse_number")
    connector = serializers.IntegerField(source="connector_number")

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
        )


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
