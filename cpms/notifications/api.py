"""Webhooks by REST: endpoints, their messages, replay."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import Operator
from cpms.kernel.ids import new_secret, sha256_hex
from cpms.notifications import shapes
from cpms.notifications.models import WebhookEndpoint, WebhookMessage
from cpms.notifications.services import endpoints, fan_out, sending
from cpms.notifications.services.endpoints import UnableToKeepEndpoint, Wanted

SCOPE = "webhooks:write"


def _by(request: Request) -> str:
    return str(request.user.pk)


class WebhooksView(IdempotentMixin, OperatorScopedView):
    """The operator's endpoints."""

    permission_classes = (HasScope(SCOPE),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="list_webhooks", responses=shapes.WebhookShape(many=True)
    )
    def get(self, request: Request) -> Response:
        """List endpoints, newest first."""
        pages = self.pagination_class()
        rows = WebhookEndpoint.objects.filter(operator_id__in=self.operator_ids)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(shapes.WebhookShape(page, many=True).data)

    @extend_schema(
        operation_id="create_webhook",
        request=shapes.WebhookRequest,
        responses={201: shapes.NewWebhookShape},
    )
    def post(self, request: Request) -> Response:
        """Take an endpoint in; its secret is shown this once."""
        form = shapes.WebhookRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        kept = endpoints.create(
            operator_id=self._operator_id(asked.pop("operator", None)),
            wanted=Wanted(**asked),
            by=_by(request),
            at=timezone.now(),
        )
        return Response(_with_secret(kept), status=201)

    def _operator_id(self, code: str | None) -> int:
        rows = Operator.objects.filter(pk__in=self.operator_ids)
        if code is not None:
            rows = rows.filter(code=code)
        ids = list(rows.values_list("pk", flat=True)[:2])
        if len(ids) != 1:
            raise UnableToKeepEndpoint(
                "operator_ambiguous", "Name one of your operators in 'operator'."
            )
        return int(ids[0])


def _with_secret(kept: endpoints.Kept) -> dict[str, Any]:
    return {**shapes.WebhookShape(kept.row).data, "secret": kept.secret}


class WebhookView(OperatorScopedView):
    """One endpoint."""

    permission_classes = (HasScope(SCOPE),)

    def _row(self, endpoint_id: int) -> WebhookEndpoint:
        return endpoints.find(operator_ids=self.operator_ids, endpoint_id=endpoint_id)

    @extend_schema(operation_id="show_webhook", responses=shapes.WebhookShape)
    def get(self, request: Request, endpoint_id: int) -> Response:  # noqa: ARG002 - DRF's own
        """Show an endpoint."""
        return Response(shapes.WebhookShape(self._row(endpoint_id)).data)

    @extend_schema(
        operation_id="change_webhook",
        request=shapes.WebhookChange,
        responses=shapes.WebhookShape,
    )
    def patch(self, request: Request, endpoint_id: int) -> Response:
        """Change an endpoint; switching it on forgets its failures."""
        form = shapes.WebhookChange(data=request.data)
        form.is_valid(raise_exception=True)
        row = endpoints.change(
            self._row(endpoint_id),
            wanted=Wanted(**form.validated_data),
            by=_by(request),
            at=timezone.now(),
        )
        return Response(shapes.WebhookShape(row).data)

    @extend_schema(operation_id="delete_webhook", responses={204: None})
    def delete(self, request: Request, endpoint_id: int) -> Response:
        """Forget an endpoint and its messages."""
        row = self._row(endpoint_id)
        endpoints.delete(row, by=_by(request), at=timezone.now())
        return Response(status=204)


class WebhookSecretView(IdempotentMixin, WebhookView):
    """A new secret."""

    http_method_names = ("post", "options")

    @extend_schema(
        operation_id="rotate_webhook_secret",
        request=None,
        responses=shapes.NewWebhookShape,
    )
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Make a new secret; the old one signs beside it for a day."""
        row = self._row(endpoint_id)
        kept = endpoints.rotate_secret(row, by=_by(request), at=timezone.now())
        return Response(_with_secret(kept))


class WebhookTestView(IdempotentMixin, WebhookView):
    """A test message."""

    http_method_names = ("post", "options")

    @extend_schema(
        operation_id="test_webhook",
        request=None,
        responses={202: shapes.WebhookMessageShape},
    )
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Send a `webhook.test` event."""
        key = request.headers.get(HEADER)
        row = fan_out.queue_test(
            self._row(endpoint_id),
            key=sha256_hex(key)[:24] if key else new_secret(bits=128),
            at=timezone.now(),
        )
        return Response(shapes.WebhookMessageShape(row).data, status=202)


class WebhookMessagesView(WebhookView):
    """The messages of an endpoint."""

    http_method_names = ("get", "head", "options")
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="list_webhook_messages",
        responses=shapes.WebhookMessageShape(many=True),
        parameters=[OpenApiParameter("state", enum=WebhookMessage.State.values)],
    )
    def get(self, request: Request, endpoint_id: int) -> Response:
        """List what was and is to be sent, newest first; filter by state."""
        rows = WebhookMessage.objects.filter(endpoint=self._row(endpoint_id))
        state = request.query_params.get("state")
        if state:
            rows = rows.filter(state=state)
        pages = self.pagination_class()
        page = pages.paginate_queryset(rows, request, view=self)
        body = shapes.WebhookMessageShape(page, many=True).data
        return pages.get_paginated_response(body)


class WebhookReplayView(IdempotentMixin, WebhookView):
    """A message once more."""

    http_method_names = ("post", "options")

    @extend_schema(
        operation_id="replay_webhook_message",
        request=None,
        responses={202: shapes.WebhookMessageShape},
    )
    def post(self, request: Request, endpoint_id: int, message_id: int) -> Response:  # noqa: ARG002 - DRF's own
        """Send a message again that was delivered or given up."""
        endpoint = self._row(endpoint_id)
        row = WebhookMessage.objects.filter(endpoint=endpoint, pk=message_id).first()
        if row is None:
            raise endpoints.UnableToFindEndpoint(
                "unknown_webhook_message",
                f"The endpoint {endpoint_id} has no message {message_id}.",
            )
        sending.replay([row.pk])
        row.refresh_from_db()
        return Response(shapes.WebhookMessageShape(row).data, status=202)
