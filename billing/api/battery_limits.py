"""The driver's limit by the battery's state."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api import shapes
from billing.services import battery_limits
from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.scoping import DriverScopedView
from cpms.accounts.tenancy import acting_as_platform


class BatteryLimitShape(serializers.Serializer[object]):
    """At which state of the battery a charge stops."""

    soc_percent = serializers.IntegerField(
        min_value=1,
        max_value=100,
        allow_null=True,
        help_text="percent; null: the charge goes on until another limit",
    )


class BatteryLimitView(DriverScopedView):
    """A charge's limit by the battery's state."""

    permission_classes = (IsDriver,)

    @extend_schema(request=BatteryLimitShape, responses=shapes.OrderShape)
    def put(self, request: Request, number: str) -> Response:
        """Stop an own charge when the vehicle's battery is so full.

        It works where the station tells the battery's state, as DC stations do.
        """
        form = BatteryLimitShape(data=request.data)
        form.is_valid(raise_exception=True)
        with acting_as_platform("limit: the order says whose station it is"):
            order = battery_limits.limit_for_driver(
                driver_id=self.driver_id,
                number=number,
                soc_percent=form.validated_data["soc_percent"],
                at=timezone.now(),
            )
            body = shapes.OrderShape(order).data
        return Response(body)
