"""Charge points, their transactions and messages."""

from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api import shapes
from charge_points.models import ChargePoint, MessageLog, Transaction
from charge_points.services import provisioning
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.problems import problem
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError

MESSAGES_DEFAULT: Final = timedelta(days=1)
MESSAGES_MAX: Final = 500
PAGES: Final = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]


class UnableToFindChargePoint(DomainError):
    """Not a charge point of this operator; the same answer for a foreign one."""

    http_status = 404


def own_charge_point(operator_ids: tuple[int, ...], identity: str) -> ChargePoint:
    """A charge point of these operators.

    Raises:
        UnableToFindChargePoint: unknown, or another operator's.
    """
    rows = ChargePoint.objects.select_related("operator")
    found = rows.filter(identity=identity, operator_id__in=operator_ids).first()
    if found is None:
        raise UnableToFindChargePoint(
            "unknown_charge_point", f"You have no charge point {identity!r}."
        )
    return found


class ChargePointsView(IdempotentMixin, OperatorScopedView):
    """The operator's charge points."""

    permission_classes = (HasScope("charge_points:read"),)

    def check_permissions(self, request: Request) -> None:
        """Creating needs the right to write."""
        if request.method == "POST":
            self.permission_classes = (HasScope("charge_points:write"),)
        super().check_permissions(request)

    @extend_schema(responses=shapes.ChargePointShape(many=True), parameters=PAGES)
    def get(self, request: Request) -> Response:
        """List them."""
        rows = (
            ChargePoint.objects.filter(operator_id__in=self.operator_ids)
            .select_related("operator")
            .prefetch_related("connector_set")
        )
        pages = CursorPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        body = shapes.ChargePointShape(page, many=True).data
        return pages.get_paginated_response(body)

    @extend_schema(
        request=shapes.NewChargePoint, responses={201: shapes.NewChargePointAnswer}
    )
    def post(self, request: Request) -> Response:
        """Take one in; its password is shown this once."""
        form = shapes.NewChargePoint(data=request.data)
        form.is_valid(raise_exception=True)
        if len(self.operator_ids) != 1:
            return problem(
                400, "operator_ambiguous", "Use an API key of the operator for this."
            )
        operator = Operator.objects.get(pk=self.operator_ids[0])
        created = provisioning.create_charge_point(
            wanted=provisioning.NewChargePoint(
                operator_code=operator.code, **form.validated_data
            ),
            by=str(request.user.pk),
            at=timezone.now(),
        )
        body = {"identity": created.identity, "password": created.password}
        return Response(body, status=201)


class ChargePointView(OperatorScopedView):
    """One charge point."""

    permission_classes = (HasScope("charge_points:read"),)

    @extend_schema(responses=shapes.ChargePointShape)
    def get(self, request: Request, identity: str) -> Response:  # noqa: ARG002 - DRF's own
        """Show it."""
        row = own_charge_point(self.operator_ids, identity)
        return Response(shapes.ChargePointShape(row).data)


class TransactionsView(OperatorScopedView):
    """Transactions of all charge points, or of one."""

    permission_classes = (HasScope("charge_points:read"),)

    @extend_schema(
        responses=shapes.TransactionShape(many=True),
        parameters=[*PAGES, OpenApiParameter("state", str)],
    )
    def get(self, request: Request, identity: str | None = None) -> Response:
        """List them, newest first."""
        rows = Transaction.objects.filter(operator_id__in=self.operator_ids)
        if identity is not None:
            rows = rows.filter(
                charge_point=own_charge_point(self.operator_ids, identity)
            )
        state = request.query_params.get("state")
        if state:
            rows = rows.filter(state=state)
        pages = CursorPagination()
        page = pages.paginate_queryset(
            rows.select_related("charge_point"), request, view=self
        )
        body = shapes.TransactionShape(page, many=True).data
        return pages.get_paginated_response(body)


class MessagesView(OperatorScopedView):
    """The message log of a charge point."""

    permission_classes = (HasScope("charge_points:read"),)

    @extend_schema(
        responses=shapes.MessageShape(many=True),
        parameters=[
            OpenApiParameter("before", str, description="time; default now"),
            OpenApiParameter("since", str, description="time; default a day before"),
            OpenApiParameter("action", str),
            OpenApiParameter("search", str, description="text in the message"),
        ],
    )
    def get(self, request: Request, identity: str) -> Response:
        """The newest messages of a span of time, at most 500."""
        station = own_charge_point(self.operator_ids, identity)
        query = request.query_params
        before = parse_datetime(query.get("before", "")) or timezone.now()
        since = parse_datetime(query.get("since", "")) or before - MESSAGES_DEFAULT
        rows: QuerySet[MessageLog] = MessageLog.objects.filter(
            operator_id__in=self.operator_ids,
            charge_point=station,
            at__gte=since,
            at__lte=before,
        )
        if query.get("action"):
            rows = rows.filter(action=query["action"])
        if query.get("search"):
            word = query["search"]
            rows = rows.filter(Q(text__icontains=word) | Q(answer_text__icontains=word))
        page = rows.order_by("-at")[:MESSAGES_MAX]
        return Response({"results": shapes.MessageShape(page, many=True).data})
