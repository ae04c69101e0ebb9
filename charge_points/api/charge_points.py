"""Charge points: the list, one of them, taking one in."""

from typing import Any, Final

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api import shapes
from charge_points.models import ChargePoint, Connector
from charge_points.services import provisioning
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError

_CONNECTORS: Final = Connector.objects.order_by("evse_number", "number")


class UnableToFindChargePoint(DomainError):
    """Not a charge point of this operator; the same answer for a foreign one."""

    http_status = 404


class UnableToChooseOperator(DomainError):
    """It is not clear, or not allowed, whose the new charge point shall be."""

    http_status = 400


def own_charge_points(operator_ids: tuple[int, ...]) -> QuerySet[ChargePoint]:
    """Charge points of these operators with all that is shown of them."""
    rows = ChargePoint.objects.filter(operator_id__in=operator_ids)
    shown = Prefetch("connector_set", queryset=_CONNECTORS.all())
    return rows.select_related("operator", "site").prefetch_related(shown)


def own_charge_point(operator_ids: tuple[int, ...], identity: str) -> ChargePoint:
    """A charge point of these operators.

    Raises:
        UnableToFindChargePoint: unknown, or another operator's.
    """
    found = None
    # What cannot be an identity is not asked for: PostgreSQL takes no U+0000.
    if provisioning.IDENTITY.fullmatch(identity):
        found = own_charge_points(operator_ids).filter(identity=identity).first()
    if found is None:
        raise UnableToFindChargePoint(
            "unknown_charge_point",
            f"You have no charge point {identity!r}; "
            "GET /api/v1/operator/charge-points lists those you have.",
        )
    return found


class ChargePointFilter(serializers.Serializer[Any]):
    """Which charge points."""

    site = serializers.CharField(
        source="site__name", max_length=120, required=False, help_text="Its name."
    )
    online = serializers.BooleanField(required=False, default=None, allow_null=True)
    registration = serializers.ChoiceField(
        choices=ChargePoint.Registration.choices, required=False
    )
    ocpp_version = serializers.CharField(max_length=8, required=False)
    security_profile = serializers.IntegerField(
        min_value=0, max_value=3, required=False
    )
    vendor = serializers.CharField(max_length=60, required=False)
    model = serializers.CharField(max_length=60, required=False)
    firmware_version = serializers.CharField(max_length=60, required=False)


def _chosen(rows: QuerySet[ChargePoint], request: Request) -> QuerySet[ChargePoint]:
    form = ChargePointFilter(data=request.query_params.dict())
    form.is_valid(raise_exception=True)
    asked = dict(form.validated_data)
    online = asked.pop("online")
    if online is not None:
        there = Q(connected_at__isnull=False, disconnected_at__isnull=True)
        rows = rows.filter(there if online else ~there)
    return rows.filter(**asked)


class ChargePointsView(IdempotentMixin, OperatorScopedView):
    """The operator's charge points."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Creating needs the right to write."""
        deed = "write" if self.request.method == "POST" else "read"
        return [HasScope(f"charge_points:{deed}")()]

    @extend_schema(
        operation_id="list_charge_points",
        parameters=[ChargePointFilter],
        responses=shapes.ChargePointShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List charge points, newest first."""
        pages = self.pagination_class()
        rows = _chosen(own_charge_points(self.operator_ids), request)
        page = pages.paginate_queryset(rows, request, view=self)
        body = shapes.ChargePointShape(page, many=True).data
        return pages.get_paginated_response(body)

    @extend_schema(
        operation_id="create_charge_point",
        request=shapes.NewChargePoint,
        responses={201: shapes.NewChargePointAnswer},
    )
    def post(self, request: Request) -> Response:
        """Take a charge point in; its password is shown this once."""
        form = shapes.NewChargePoint(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        operator = self._operator(asked.pop("operator", None))
        created = provisioning.create_charge_point(
            wanted=provisioning.NewChargePoint(operator_code=operator.code, **asked),
            by=str(request.user.pk),
            at=timezone.now(),
        )
        body = {
            "identity": created.identity,
            "operator": operator.code,
            "password": created.password,
            "connector_codes": created.connector_codes,
        }
        return Response(shapes.NewChargePointAnswer(body).data, status=201)

    def _operator(self, code: str | None) -> Operator:
        """The one operator that is meant.

        Raises:
            UnableToChooseOperator: not one of the caller's, or several are possible.
        """
        rows = Operator.objects.filter(pk__in=self.operator_ids).order_by("code")
        choices = {row.code: row for row in rows}
        if code is None and len(choices) == 1:
            code = next(iter(choices))
        if code not in choices:
            raise UnableToChooseOperator(
                "operator_ambiguous" if code is None else "unknown_operator",
                f"Name one of your operators in 'operator': {', '.join(choices)}.",
            )
        return choices[code]


class ChargePointView(OperatorScopedView):
    """One charge point."""

    permission_classes = (HasScope("charge_points:read"),)

    @extend_schema(operation_id="show_charge_point", responses=shapes.ChargePointShape)
    def get(self, request: Request, identity: str) -> Response:  # noqa: ARG002 - DRF's own
        """Show a charge point with its connectors."""
        row = own_charge_point(self.operator_ids, identity)
        return Response(shapes.ChargePointShape(row).data)
