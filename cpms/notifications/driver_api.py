"""What a driver wants to be told, by REST."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.scoping import DriverScopedView
from cpms.notifications.kinds import DRIVER_KINDS
from cpms.notifications.models import DriverNotificationSettings


class NotificationSettingsShape(
    serializers.ModelSerializer[DriverNotificationSettings]
):
    """Muted kinds and quiet hours; urgent mails come at any time."""

    muted = serializers.ListField(
        child=serializers.ChoiceField(choices=DRIVER_KINDS),
        required=False,
        max_length=len(DRIVER_KINDS),
    )

    class Meta:
        model = DriverNotificationSettings
        fields = ("muted", "quiet_from", "quiet_until", "time_zone")

    def validate_time_zone(self, value: str) -> str:
        """Only IANA names: quiet hours are local."""
        try:
            ZoneInfo(value)
        except (ValueError, ZoneInfoNotFoundError, OSError) as error:
            raise serializers.ValidationError(
                f"{value!r} is not an IANA time zone such as Europe/Berlin."
            ) from error
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Quiet hours have a begin and an end, or neither."""
        found = [
            attrs.get(name, getattr(self.instance, name, None))
            for name in ("quiet_from", "quiet_until")
        ]
        if (found[0] is None) != (found[1] is None):
            raise serializers.ValidationError(
                "Give quiet_from and quiet_until together, or null for both."
            )
        return attrs


class NotificationSettingsView(DriverScopedView):
    """The driver's own settings."""

    permission_classes = (IsDriver,)

    @extend_schema(
        operation_id="show_notification_settings", responses=NotificationSettingsShape
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """Show what is muted, and the quiet hours."""
        row = DriverNotificationSettings.objects.filter(driver_id=self.driver_id)
        found = row.first() or DriverNotificationSettings(driver_id=self.driver_id)
        return Response(NotificationSettingsShape(found).data)

    @extend_schema(
        operation_id="change_notification_settings",
        request=NotificationSettingsShape,
        responses=NotificationSettingsShape,
    )
    def patch(self, request: Request) -> Response:
        """Change what is given."""
        rows = DriverNotificationSettings.objects.select_for_update()
        row, _ = rows.get_or_create(driver_id=self.driver_id)
        form = NotificationSettingsShape(row, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        form.save()
        return Response(form.data)
