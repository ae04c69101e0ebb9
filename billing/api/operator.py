"""Orders for the operator's own systems."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api import shapes, start_shapes
from billing.models import Order
from billing.services import operator_starts, reviewing
from billing.services.ordering import Target, UnableToFindOrder
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.kernel.ids import new_secret
from settlement.queries import payment_view, split_lines
from settlement.services import payments


class OperatorOrdersView(IdempotentMixin, OperatorScopedView):
    """The operator's orders; POST starts a charge on its own account."""

    def get_permissions(self) -> list[Any]:
        """Starting is a command; listing is not."""
        request: Any = self.request  # None while the schema is generated
        starts = request is not None and request.method == "POST"
        return [HasScope("commands:write" if starts else "orders:read")()]

    @extend_schema(
        request=start_shapes.OperatorStartRequest, responses={201: shapes.OrderShape}
    )
    def post(self, request: Request) -> Response:
        """Start a charge at an own connector; what it costs is owed to the operator."""
        form = start_shapes.OperatorStartRequest(data=request.data)
        form.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(form.validated_data)
        order = operator_starts.start(
            operator_ids=self.operator_ids,
            id_token=data.pop("id_token"),
            target=Target(**data),
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(shapes.OrderShape(order).data, status=201)

    @extend_schema(
        responses=shapes.OrderShape(many=True),
        parameters=[
            OpenApiParameter("state", str),
            OpenApiParameter("charge_point", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first; filter by state and charge point."""
        rows = Order.objects.filter(operator_id__in=self.operator_ids)
        for name in ("state", "charge_point"):
            value = request.query_params.get(name)
            if value:
                rows = rows.filter(**{name: value})
        pages = CursorPagination()
        page = pages.paginate_queryset(
            rows.select_related("operator"), request, view=self
        )
        return pages.get_paginated_response(shapes.OrderShape(page, many=True).data)


class OperatorOrderView(OperatorScopedView):
    """One order with its moves."""

    permission_classes = (HasScope("orders:read"),)

    @extend_schema(responses=shapes.OrderShape)
    def get(self, request: Request, number: str) -> Response:  # noqa: ARG002 - DRF's own
        """Show the order, its moves and its CDRs."""
        order = own_order(self.operator_ids, number)
        moves = shapes.MoveShape(order.moves.all(), many=True).data
        payment = payment_view(order.payment_id) if order.payment_id else None
        body = {
            **shapes.OrderShape(order).data,
            "payee": order.payee,
            "split": order.split,
            "payment": asdict(payment) if payment is not None else None,
            "split_lines": [asdict(line) for line in split_lines(number)],
            "moves": moves,
            "cdrs": [cdr.ocpi for cdr in order.cdrs.order_by("sequence")],
        }
        return Response(body)


class OperatorStopView(IdempotentMixin, OperatorScopedView):
    """Stop a charge."""

    permission_classes = (HasScope("commands:write"),)

    @extend_schema(request=None, responses={202: shapes.OrderShape})
    def post(self, request: Request, number: str) -> Response:
        """Ask the charger to stop; before the charge began this cancels."""
        order = operator_starts.stop(
            operator_ids=self.operator_ids,
            number=number,
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(shapes.OrderShape(order).data, status=202)


class RefundsView(IdempotentMixin, OperatorScopedView):
    """Refunds of an order."""

    permission_classes = (HasScope("payments:write"),)

    @extend_schema(request=shapes.RefundRequest, responses={202: shapes.RefundAnswer})
    def post(self, request: Request, number: str) -> Response:
        """Refund all or a part from the operator's own account."""
        form = shapes.RefundRequest(data=request.data)
        form.is_valid(raise_exception=True)
        order = own_order(self.operator_ids, number)
        if order.payment_id is None:
            raise payments.UnableToRefund(
                "nothing_captured", "Nothing was paid for this order."
            )
        refund = payments.request_refund(
            payment_id=order.payment_id,
            amount_minor=form.validated_data.get("amount_minor"),
            reason=form.validated_data["reason"],
            refund_application_fee=form.validated_data["refund_application_fee"],
            key=request.headers.get(HEADER) or new_secret(bits=128),
            by=str(request.user.pk),
            at=timezone.now(),
        )
        body = {**shapes.OrderShape(order).data, "refund": _refund_json(refund)}
        return Response(body, status=202)


def _refund_json(refund: payments.RefundView) -> dict[str, Any]:
    return dict(shapes.RefundShape(refund).data)


class ReviewView(IdempotentMixin, OperatorScopedView):
    """The decision about an order in REVIEW."""

    permission_classes = (HasScope("payments:write"),)

    @extend_schema(request=shapes.ReviewRequest, responses=shapes.OrderShape)
    def post(self, request: Request, number: str) -> Response:
        """Bill the measured energy, or another one; the order then goes on."""
        form = shapes.ReviewRequest(data=request.data)
        form.is_valid(raise_exception=True)
        own_order(self.operator_ids, number)
        order = reviewing.decide(
            number=number,
            energy_wh=form.validated_data.get("energy_wh"),
            note=form.validated_data["note"],
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(shapes.OrderShape(order).data)


def own_order(operator_ids: tuple[int, ...], number: str) -> Order:
    """An order of these operators.

    Raises:
        UnableToFindOrder: the same for a foreign and for an unknown number.
    """
    rows = Order.objects.select_related("operator")
    order = rows.filter(number=number, operator_id__in=operator_ids).first()
    if order is None:
        raise UnableToFindOrder("unknown_order", "There is no order with this number.")
    return order
