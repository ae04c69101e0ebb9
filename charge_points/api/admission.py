"""Whether a charge point is let in, and how often it reports."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import own_charge_point
from charge_points.models import ChargePoint
from charge_points.services import boots, provisioning
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView


class RegistrationShape(serializers.ModelSerializer[ChargePoint]):
    """What BootNotification is answered with."""

    class Meta:
        model = ChargePoint
        fields = (
            "identity",
            "registration",
            "heartbeat_interval_s",
            "boot_retry_interval_s",
            "last_boot_at",
            "boot_reason",
        )


class RegistrationRequest(serializers.Serializer[Any]):
    """What is left out stays as it is; null: the platform's own interval."""

    registration = serializers.ChoiceField(
        choices=ChargePoint.Registration.choices,
        required=False,
        help_text="pending: it waits, and may be configured; rejected: it is sent "
        "nothing and must not charge.",
    )
    heartbeat_interval_s = serializers.IntegerField(
        min_value=1, max_value=boots.INTERVAL_S_MAX, required=False, allow_null=True
    )
    boot_retry_interval_s = serializers.IntegerField(
        min_value=1, max_value=boots.INTERVAL_S_MAX, required=False, allow_null=True
    )


class RegistrationView(OperatorScopedView):
    """The registration of one charge point."""

    def get_permissions(self) -> list[Any]:
        """Changing needs the right to write."""
        deed = "write" if self.request.method == "PATCH" else "read"
        return [HasScope(f"charge_points:{deed}")()]

    @extend_schema(operation_id="show_registration", responses=RegistrationShape)
    def get(self, request: Request, identity: str) -> Response:  # noqa: ARG002 - DRF's own
        """Show the registration of a charge point with its intervals."""
        row = own_charge_point(self.operator_ids, identity)
        return Response(RegistrationShape(row).data)

    @extend_schema(
        operation_id="change_registration",
        request=RegistrationRequest,
        responses=RegistrationShape,
    )
    def patch(self, request: Request, identity: str) -> Response:
        """Accept, hold or reject a charge point; it learns so when it next boots."""
        row = own_charge_point(self.operator_ids, identity)
        form = RegistrationRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        by, now = str(request.user.pk), timezone.now()
        boots.set_intervals(
            charge_point_id=row.pk,
            heartbeat_s=asked.get("heartbeat_interval_s", row.heartbeat_interval_s),
            boot_retry_s=asked.get("boot_retry_interval_s", row.boot_retry_interval_s),
            by=by,
            at=now,
        )
        if "registration" in asked:
            provisioning.register(
                charge_point_id=row.pk,
                registration=asked["registration"],
                by=by,
                at=now,
            )
        row.refresh_from_db()
        return Response(RegistrationShape(row).data)
