"""The JSON shapes of the webhooks' REST."""

from rest_framework import serializers

from cpms.notifications.catalogue import TYPES
from cpms.notifications.models import WebhookEndpoint, WebhookMessage


class WebhookShape(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint; its secret is shown when it is made, never again."""

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            "id",
            "url",
            "description",
            "types",
            "is_active",
            "disabled_reason",
            "failing_since",
            "created_at",
        )


class NewWebhookShape(WebhookShape):
    """An endpoint with its new secret."""

    secret = serializers.CharField(
        read_only=True, help_text="whsec_…; verifies signatures; shown this once"
    )

    class Meta(WebhookShape.Meta):
        fields = (*WebhookShape.Meta.fields, "secret")


class WebhookRequest(serializers.Serializer[None]):
    """What an operator asks for."""

    url = serializers.CharField(max_length=500)
    types = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=len(TYPES),
        help_text="empty: all events",
    )
    description = serializers.CharField(
        max_length=120, required=False, allow_blank=True
    )
    operator = serializers.CharField(
        required=False, help_text="code; needed by members of several operators"
    )


class WebhookChange(serializers.Serializer[None]):
    """Fields to change."""

    url = serializers.CharField(max_length=500, required=False)
    types = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=len(TYPES),
    )
    description = serializers.CharField(
        max_length=120, required=False, allow_blank=True
    )
    is_active = serializers.BooleanField(required=False)


class WebhookMessageShape(serializers.ModelSerializer[WebhookMessage]):
    """A message and how it went."""

    class Meta:
        model = WebhookMessage
        fields = (
            "id",
            "event_ref",
            "type",
            "state",
            "attempts",
            "last_status",
            "last_error",
            "created_at",
            "tried_at",
            "delivered_at",
            "body",
        )
