"""Commands to charge points: raw OCPP, validated before it is queued."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api import shapes
from charge_points.api.charge_points import own_charge_point
from charge_points.handlers.asking import check
from charge_points.models import ChargePoint, Command
from charge_points.models.states import COMMAND_OPEN
from charge_points.services import commands
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.services import audit
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex

LIFETIME: Final = timedelta(minutes=10)
LIFETIME_MAX: Final = timedelta(days=30)
POLL_FIRST_S: Final = 0.02
POLL_MAX_S: Final = 0.25

WAITERS_MAX: Final = 32
"""Requests of one process that wait for a charger at the same time: each holds a
thread and a database connection. One more is answered at once, as with wait_s 0."""
_waiters: Final = threading.BoundedSemaphore(WAITERS_MAX)

# Who may send must also be able to read how it went.
MAY_READ: Final = HasScope("charge_points:read") | HasScope("commands:write")


class UnableToFindCommand(DomainError):
    """The charge point has no such command."""

    http_status = 404


class UnableToScheduleCommand(DomainError):
    """Its times contradict each other."""

    http_status = 422


class UnableToCancelCommand(DomainError):
    """It was sent already, or has ended."""

    http_status = 409


def lifetime(asked: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """Between when and when a command may be sent.

    Raises:
        UnableToScheduleCommand: it would end before it begins, or waits too long.
    """
    not_before = max(asked.get("not_before") or now, now)
    expires_at = asked.get("expires_at") or not_before + LIFETIME
    if expires_at <= not_before:
        raise UnableToScheduleCommand(
            "command_expired",
            f"The command would expire at {expires_at.isoformat()}, before it may be "
            f"sent at {not_before.isoformat()}; give a later expires_at.",
        )
    if expires_at > now + LIFETIME_MAX:
        raise UnableToScheduleCommand(
            "command_too_far",
            f"A command waits at most {LIFETIME_MAX.days} days; give an earlier "
            "expires_at.",
        )
    return not_before, expires_at


class CommandsView(IdempotentMixin, OperatorScopedView):
    """Commands of one charge point."""

    # Waiting for the charger must not hold a database transaction open.
    one_transaction = False
    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Sending needs its own right."""
        if self.request.method == "POST":
            return [HasScope("commands:write")()]
        return [MAY_READ()]

    @extend_schema(
        operation_id="list_commands", responses=shapes.CommandShape(many=True)
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the commands of a charge point, newest first."""
        with acting_for(self.operator_ids):
            station = own_charge_point(self.operator_ids, identity)
            pages = self.pagination_class()
            page = pages.paginate_queryset(
                Command.objects.filter(charge_point=station), request, view=self
            )
            body = shapes.CommandShape(page, many=True).data
        return pages.get_paginated_response(body)

    @extend_schema(
        operation_id="send_command",
        request=shapes.CommandRequest,
        responses={
            200: OpenApiResponse(shapes.CommandShape, "The charge point has answered."),
            202: OpenApiResponse(
                shapes.CommandShape, "It waits or is under way; ask for it by its id."
            ),
        },
    )
    def post(self, request: Request, identity: str) -> Response:
        """Send an OCPP command; with `wait_s` wait for the charge point's answer."""
        form = shapes.CommandRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        with acting_for(self.operator_ids):
            station = own_charge_point(self.operator_ids, identity)
            check(station.ocpp_version, asked["action"], asked["payload"])
            command = self._queue(request, station, asked)
        if asked["wait_s"] and _waiters.acquire(blocking=False):
            try:
                self._wait(command, asked["wait_s"])
            finally:
                _waiters.release()
        status = 202 if command.state in COMMAND_OPEN else 200
        return Response(shapes.CommandShape(command).data, status=status)

    def _queue(
        self, request: Request, station: ChargePoint, asked: dict[str, Any]
    ) -> Command:
        now = timezone.now()
        by = str(request.user.pk)
        key = request.headers.get(HEADER) or new_secret(bits=128)
        not_before, expires_at = lifetime(asked, now)
        command = commands.queue(
            charge_point_id=station.pk,
            action=asked["action"],
            payload=asked["payload"],
            by=by,
            # A key is its sender's: two systems may count from 1.
            idempotency_key=sha256_hex(f"{by}\n{key}"),
            expires_at=expires_at,
            at=now,
            scheduled_at=not_before,
        )
        if command.created_at == now:
            audit.record(
                operator_id=station.operator_id,
                actor=by,
                action="command.queued",
                object=f"charge point {station.identity}",
                # The payload may hold a password: the command's own row masks it.
                changes={"command": command.pk, "ocpp_action": command.action},
                at=now,
            )
        return command

    def _wait(self, command: Command, seconds: int) -> None:
        deadline = time.monotonic() + seconds
        pause = POLL_FIRST_S
        while command.state in COMMAND_OPEN and time.monotonic() < deadline:
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(POLL_MAX_S, pause * 1.5)
            with acting_for(self.operator_ids):
                command.refresh_from_db()


class CommandView(OperatorScopedView):
    """One command."""

    def get_permissions(self) -> list[Any]:
        """Taking back needs the right to send."""
        if self.request.method == "DELETE":
            return [HasScope("commands:write")()]
        return [MAY_READ()]

    @extend_schema(operation_id="show_command", responses=shapes.CommandDetailShape)
    def get(self, request: Request, identity: str, command_id: int) -> Response:  # noqa: ARG002 - DRF's own
        """Show a command's status, the answer, and the reports that followed."""
        _, row = self._row(identity, command_id)
        return Response(shapes.CommandDetailShape(row).data)

    @extend_schema(operation_id="cancel_command", responses={200: shapes.CommandShape})
    def delete(self, request: Request, identity: str, command_id: int) -> Response:
        """Take back a command that has not been sent; again changes nothing."""
        station, row = self._row(identity, command_id)
        now = timezone.now()
        if commands.cancel(command_id=row.pk, at=now):
            audit.record(
                operator_id=station.operator_id,
                actor=str(request.user.pk),
                action="command.cancelled",
                object=f"charge point {station.identity}",
                changes={"command": row.pk},
                at=now,
            )
        row.refresh_from_db()
        if row.state != Command.State.CANCELLED:
            raise UnableToCancelCommand(
                "command_not_waiting",
                f"The command {row.pk} is {row.state}; only one that waits in the "
                "queue can be taken back.",
            )
        return Response(shapes.CommandShape(row).data)

    def _row(self, identity: str, command_id: int) -> tuple[ChargePoint, Command]:
        station = own_charge_point(self.operator_ids, identity)
        row = Command.objects.filter(charge_point=station, pk=command_id).first()
        if row is None:
            raise UnableToFindCommand(
                "unknown_command",
                f"The charge point {identity} has no command {command_id}.",
            )
        return station, row
