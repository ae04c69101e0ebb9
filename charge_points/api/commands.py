"""Commands to charge points: raw OCPP, validated before it is queued."""

import time
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api import shapes
from charge_points.api.charge_points import PAGES, own_charge_point
from charge_points.handlers.asking import check
from charge_points.models import ChargePoint, Command
from charge_points.models.states import COMMAND_OPEN
from charge_points.services import commands
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret

LIFETIME: Final = timedelta(minutes=10)
POLL_FIRST_S: Final = 0.02
POLL_MAX_S: Final = 0.25


class UnableToFindCommand(DomainError):
    """The charge point has no such command."""

    http_status = 404


class CommandsView(IdempotentMixin, OperatorScopedView):
    """Commands of one charge point."""

    permission_classes = (HasScope("commands:write"),)
    # Waiting for the charger must not hold a database transaction open.
    one_transaction = False

    @extend_schema(responses=shapes.CommandShape(many=True), parameters=PAGES)
    def get(self, request: Request, identity: str) -> Response:
        """List them, newest first."""
        with acting_for(self.operator_ids):
            station = own_charge_point(self.operator_ids, identity)
            pages = CursorPagination()
            page = pages.paginate_queryset(
                Command.objects.filter(charge_point=station), request, view=self
            )
            body = shapes.CommandShape(page, many=True).data
        return pages.get_paginated_response(body)

    @extend_schema(
        request=shapes.CommandRequest,
        responses={200: shapes.CommandShape, 202: shapes.CommandShape},
    )
    def post(self, request: Request, identity: str) -> Response:
        """Queue a command; with ``wait_s`` wait for the charger's answer."""
        form = shapes.CommandRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        with acting_for(self.operator_ids):
            station = own_charge_point(self.operator_ids, identity)
            check(station.ocpp_version, asked["action"], asked["payload"])
            command = self._queue(request, station, asked)
        command = self._wait(command, asked["wait_s"])
        status = 202 if command.state in COMMAND_OPEN else 200
        return Response(shapes.CommandShape(command).data, status=status)

    def _queue(
        self, request: Request, station: ChargePoint, asked: dict[str, Any]
    ) -> Command:
        now = timezone.now()
        return commands.queue(
            charge_point_id=station.pk,
            action=asked["action"],
            payload=asked["payload"],
            by=str(request.user.pk),
            idempotency_key=request.headers.get(HEADER) or new_secret(bits=128),
            expires_at=now + LIFETIME,
            at=now,
        )

    def _wait(self, command: Command, seconds: int) -> Command:
        deadline = time.monotonic() + seconds
        pause = POLL_FIRST_S
        while command.state in COMMAND_OPEN and time.monotonic() < deadline:
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(POLL_MAX_S, pause * 1.5)
            with acting_for(self.operator_ids):
                command.refresh_from_db()
        return command


class CommandView(OperatorScopedView):
    """One command."""

    permission_classes = (HasScope("commands:write"),)

    @extend_schema(responses=shapes.CommandShape)
    def get(self, request: Request, identity: str, command_id: int) -> Response:  # noqa: ARG002 - DRF's own
        """Its status and the charger's answer."""
        station = own_charge_point(self.operator_ids, identity)
        row = Command.objects.filter(charge_point=station, pk=command_id).first()
        if row is None:
            raise UnableToFindCommand(
                "unknown_command",
                "This charge point has no command with this id.",
            )
        return Response(shapes.CommandShape(row).data)
