"""What stations told of themselves, and their password and local list, over REST."""

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import own_charge_point
from charge_points.models import (
    ChargingLimit,
    CustomerInformation,
    DeviceVariable,
    InstalledCertificate,
    LocalList,
)
from charge_points.services import local_lists, provisioning
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.api.tables import OfOperator, Table, list_view
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError


class UnableToResend(DomainError):
    """The station keeps no local list of ours."""

    http_status = 404


class _OfStation(OfOperator):
    charge_point = serializers.CharField(source="charge_point.identity", read_only=True)


class VariableRow(_OfStation):
    """A value of the configuration, as the station last told it."""

    class Meta:
        model = DeviceVariable
        fields = (
            *("id", "operator", "charge_point", "component", "component_instance"),
            *("evse_number", "connector_number", "variable", "variable_instance"),
            *("attribute", "value", "unit", "mutability", "data_type", "min_limit"),
            *("max_limit", "allowed_values", "updated_at", "changed_at"),
        )


class LimitRow(_OfStation):
    """A limit that came from outside of us."""

    class Meta:
        model = ChargingLimit
        fields = (
            *("id", "operator", "charge_point", "evse_number", "source"),
            *("is_grid_critical", "schedules", "began_at", "cleared_at"),
        )


class CustomerRow(_OfStation):
    """What a station has of a customer, or that it was deleted there."""

    class Meta:
        model = CustomerInformation
        fields = (
            *("id", "operator", "charge_point", "request_id", "state", "is_report"),
            *("is_clear", "status_text", "parts", "last_part", "asked_at"),
            "completed_at",
        )


class InstalledRow(_OfStation):
    """A root certificate that a station trusts."""

    class Meta:
        model = InstalledCertificate
        fields = (
            *("id", "operator", "charge_point", "use", "hash_algorithm"),
            *("issuer_name_hash", "issuer_key_hash", "serial_number", "subject"),
            "seen_at",
        )


class StationFilter(serializers.Serializer[Any]):
    """Whose."""

    charge_point = serializers.CharField(
        source="charge_point__identity", max_length=48, required=False
    )


class VariableFilter(StationFilter):
    """Which values."""

    component = serializers.CharField(max_length=50, required=False)
    variable = serializers.CharField(max_length=255, required=False)


LOOK = "charge_points:read"
OF_STATION = ("operator", "charge_point")
TABLES = tuple(
    Table(name, model, shape, filters, LOOK, OF_STATION)
    for name, model, shape, filters in (
        ("device-variables", DeviceVariable, VariableRow, VariableFilter),
        ("charging-limits", ChargingLimit, LimitRow, StationFilter),
        ("customer-information", CustomerInformation, CustomerRow, StationFilter),
        ("installed-certificates", InstalledCertificate, InstalledRow, StationFilter),
    )
)


class NewPassword(serializers.Serializer[Any]):
    """Shown this once; what the station has now counts until it used this one."""

    password = serializers.CharField()


class PasswordView(IdempotentMixin, OperatorScopedView):
    """The password of a charge point."""

    permission_classes = (HasScope("charge_points:write"),)

    @extend_schema(
        operation_id="change_password", request=None, responses={201: NewPassword}
    )
    def post(self, request: Request, identity: str) -> Response:
        """Make another password; the station is told, or somebody puts it in."""
        row = own_charge_point(self.operator_ids, identity)
        password = provisioning.change_password(
            charge_point_id=row.pk,
            password=None,
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response({"password": password}, status=201)


class ResendView(IdempotentMixin, OperatorScopedView):
    """The whole local list of a charge point, once more."""

    permission_classes = (HasScope("commands:write"),)

    @extend_schema(
        operation_id="resend_local_list", request=None, responses={202: None}
    )
    def post(self, request: Request, identity: str) -> Response:
        """Send the whole list instead of the changes."""
        row = own_charge_point(self.operator_ids, identity)
        kept = LocalList.objects.filter(charge_point=row).first()
        if kept is None:
            raise UnableToResend("no_local_list", f"{identity} keeps no local list.")
        now = timezone.now()
        local_lists.resend(charge_point_id=row.pk, at=now)
        audit.record(
            operator_id=row.operator_id,
            actor=str(request.user.pk),
            action="local_list.resent",
            object=f"charge point {identity}",
            changes={"row": kept.pk},
            at=now,
        )
        return Response(status=202)


BASE = "api/v1/operator"
STATION = f"{BASE}/charge-points/<str:identity>"
urlpatterns = [
    *(path(f"{BASE}/{table.name}", list_view(table).as_view()) for table in TABLES),
    path(f"{STATION}/password", PasswordView.as_view()),
    path(f"{STATION}/local-list/resend", ResendView.as_view()),
]
