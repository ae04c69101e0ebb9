"""What happened at charge points: transactions and messages."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api import shapes
from charge_points.api.charge_points import own_charge_point
from charge_points.models import MessageLog, Transaction
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView

SPAN_DEFAULT: Final = timedelta(days=1)
SPAN_MAX: Final = timedelta(days=31)
"""The log is partitioned by week: a look at it opens a handful at most."""

SEARCH_CHARS_MAX: Final = 100


class TransactionFilter(serializers.Serializer[Any]):
    """Which transactions."""

    state = serializers.ChoiceField(choices=Transaction.State.choices, required=False)
    order_number = serializers.CharField(max_length=20, required=False)


class MessageFilter(serializers.Serializer[Any]):
    """Which messages: always those of a bounded span of time."""

    since = serializers.DateTimeField(
        required=False, help_text="Left out: a day before `before`."
    )
    before = serializers.DateTimeField(
        required=False, help_text="Not included. Left out: now."
    )
    action = serializers.CharField(max_length=60, required=False)
    incoming = serializers.BooleanField(
        required=False,
        default=None,
        allow_null=True,
        help_text="true: the charge point called; false: we did.",
    )
    search = serializers.CharField(
        max_length=SEARCH_CHARS_MAX,
        required=False,
        help_text="Text in the message or its answer; letter case does not matter.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bound the span."""
        before = attrs.setdefault("before", timezone.now())
        # Nothing was said in the first year; there is no day before it either.
        earliest = datetime.min.replace(tzinfo=UTC) + SPAN_DEFAULT
        since = attrs.setdefault("since", max(before, earliest) - SPAN_DEFAULT)
        if not timedelta(0) < before - since <= SPAN_MAX:
            raise serializers.ValidationError(
                {
                    "since": "This must lie before `before`, by at most "
                    f"{SPAN_MAX.days} days; ask for a longer time in parts."
                }
            )
        return attrs


class MessagePages(CursorPagination):
    """Messages have no order but their time."""

    ordering = ("-at", "-id")  # type: ignore[assignment]  # DRF takes both


def _asked(form: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The filters in the address.

    Raises:
        ValidationError: one of them is wrong.
    """
    filled = form(data=request.query_params.dict())
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)


class TransactionsView(OperatorScopedView):
    """Transactions of all charge points."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="list_transactions",
        responses=shapes.TransactionShape(many=True),
        parameters=[TransactionFilter],
    )
    def get(self, request: Request) -> Response:
        """List the transactions of all charge points, newest first."""
        rows = Transaction.objects.filter(operator_id__in=self.operator_ids)
        return self._page(request, rows)

    def _page(self, request: Request, rows: QuerySet[Transaction]) -> Response:
        rows = rows.filter(**_asked(TransactionFilter, request))
        pages = self.pagination_class()
        page = pages.paginate_queryset(
            rows.select_related("charge_point"), request, view=self
        )
        body = shapes.TransactionShape(page, many=True).data
        return pages.get_paginated_response(body)


class ChargePointTransactionsView(TransactionsView):
    """Transactions of one charge point."""

    @extend_schema(
        operation_id="list_charge_point_transactions",
        responses=shapes.TransactionShape(many=True),
        parameters=[TransactionFilter],
    )
    def get(self, request: Request, identity: str) -> Response:  # type: ignore[override]  # the address of one
        """List the transactions of a charge point, newest first."""
        station = own_charge_point(self.operator_ids, identity)
        return self._page(request, Transaction.objects.filter(charge_point=station))


class MessagesView(OperatorScopedView):
    """The message log of a charge point."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = MessagePages

    @extend_schema(
        operation_id="list_charge_point_messages",
        responses=shapes.MessageShape(many=True),
        parameters=[MessageFilter],
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the messages of a span of time, newest first, secrets masked."""
        station = own_charge_point(self.operator_ids, identity)
        asked = _asked(MessageFilter, request)
        rows = MessageLog.objects.filter(
            operator_id__in=self.operator_ids,
            charge_point=station,
            at__gte=asked["since"],
            at__lt=asked["before"],
        )
        for name in ("action", "incoming"):
            if asked.get(name) is not None:
                rows = rows.filter(**{name: asked[name]})
        if "search" in asked:
            word = asked["search"]
            rows = rows.filter(Q(text__icontains=word) | Q(answer_text__icontains=word))
        pages = self.pagination_class()
        page = pages.paginate_queryset(rows, request, view=self)
        body = shapes.MessageShape(page, many=True).data
        return pages.get_paginated_response(body)
