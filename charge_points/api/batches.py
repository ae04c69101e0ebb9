"""One command for many charge points over REST, and how far it is."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api import shapes
from charge_points.api.commands import MAY_READ, UnableToCancelCommand, lifetime
from charge_points.api.selecting import SelectingRequest, selection_of
from charge_points.handlers.asking import check_many
from charge_points.models import CommandBatch, CommandBatchMember
from charge_points.services.commands import batches
from charge_points.services.selection import SELECTED_MAX, stations_of
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex


class UnableToFindBatch(DomainError):
    """The operator has no such batch."""

    http_status = 404


class CommandBatchRequest(SelectingRequest):
    """An OCPP action for many charge points; all of them must be able to take it."""

    action = serializers.CharField(max_length=60)
    payload = serializers.DictField(
        default=dict, help_text="The OCPP payload, as the stations' version writes it."
    )
    not_before = serializers.DateTimeField(
        required=False, help_text="Not sent earlier; without it: at once."
    )
    expires_at = serializers.DateTimeField(
        required=False,
        help_text="Not sent later, at most 30 days from now; without it: ten minutes "
        "after `not_before`.",
    )
    at_once = serializers.IntegerField(
        min_value=1,
        max_value=SELECTED_MAX,
        required=False,
        help_text="So many charge points at the same time; those that are offline "
        "come when they are back. Without it: all.",
    )

    def validate_payload(self, value: dict[str, Any]) -> dict[str, Any]:
        """As for one command."""
        return shapes.storable(value)


class BatchMemberShape(serializers.ModelSerializer[CommandBatchMember]):
    """One charge point of a batch."""

    charge_point = serializers.CharField(source="charge_point.identity")
    status = serializers.ChoiceField(source="told", choices=batches.STATES)
    status_text = serializers.CharField(source="command.status_text", default="")
    error = serializers.SerializerMethodField()

    class Meta:
        model = CommandBatchMember
        fields = ("id", "charge_point", "status", "command_id", "status_text", "error")

    def get_error(self, row: CommandBatchMember) -> str | None:
        """Why it failed."""
        if row.command is None:
            return row.detail or None
        found = f"{row.command.error_code}: {row.command.error_text}"
        return found.rstrip(": ") or None


class MemberPageShape(serializers.Serializer[Any]):
    """One page of members."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = BatchMemberShape(many=True)


class CommandBatchShape(serializers.ModelSerializer[CommandBatch]):
    """A batch; `counts` says how many charge points are in which state."""

    state = serializers.ChoiceField(choices=CommandBatch.State.choices)
    counts = serializers.SerializerMethodField()

    class Meta:
        model = CommandBatch
        fields: tuple[str, ...] = (
            "id",
            "action",
            "payload",
            "selection",
            "size",
            "at_once",
            "state",
            "counts",
            "requested_by",
            "created_at",
            "not_before",
            "expires_at",
            "ended_at",
        )

    def get_counts(self, row: CommandBatch) -> dict[str, int]:
        """By the state of their commands; `waiting` have none yet."""
        known = self.context.get("counts")
        found = batches.progress_of([row.pk]) if known is None else known
        return dict(found[row.pk])


class CommandBatchDetailShape(CommandBatchShape):
    """A batch with one page of its charge points."""

    members = serializers.SerializerMethodField()

    class Meta(CommandBatchShape.Meta):
        fields = (*CommandBatchShape.Meta.fields, "members")

    def get_members(self, row: CommandBatch) -> MemberPageShape:
        """One page; `next` leads to the others."""
        del row
        page: Any = self.context["members"]
        return page  # type: ignore[no-any-return]  # rendered already


class CommandBatchesView(IdempotentMixin, OperatorScopedView):
    """Batches of the operator."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Sending needs its own right."""
        if self.request.method == "POST":
            return [HasScope("commands:write")()]
        return [MAY_READ()]

    @extend_schema(
        operation_id="list_command_batches", responses=CommandBatchShape(many=True)
    )
    def get(self, request: Request) -> Response:
        """List batches, newest first."""
        pages = self.pagination_class()
        rows = CommandBatch.objects.filter(operator_id__in=self.operator_ids)
        page = pages.paginate_queryset(rows, request, view=self) or []
        counts = batches.progress_of(row.pk for row in page)
        shape = CommandBatchShape(page, many=True, context={"counts": counts})
        return pages.get_paginated_response(shape.data)

    @extend_schema(
        operation_id="send_command_batch",
        request=CommandBatchRequest,
        responses={202: CommandBatchShape},
    )
    def post(self, request: Request) -> Response:
        """Send one OCPP command to many charge points of one operator."""
        form = CommandBatchRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        selection = selection_of(asked)
        stations = stations_of(self.operator_ids, selection)
        versions = {row.identity: row.ocpp_version for row in stations}
        check_many(versions, asked["action"], asked["payload"])
        by, now = str(request.user.pk), timezone.now()
        not_before, expires_at = lifetime(asked, now)
        key = request.headers.get(HEADER) or new_secret(bits=128)
        row = batches.send(
            wanted=batches.NewBatch(
                operator_id=stations[0].operator_id,
                charge_point_ids=tuple(station.pk for station in stations),
                action=asked["action"],
                payload=asked["payload"],
                selection=selection.as_json(),
                # A key is its sender's: two systems may count from 1.
                idempotency_key=sha256_hex(f"{by}\n{key}"),
                not_before=not_before,
                expires_at=expires_at,
                at_once=asked.get("at_once"),
            ),
            by=by,
            at=now,
        )
        if row.created_at == now:
            audit.record(
                operator_id=row.operator_id,
                actor=by,
                action="command_batch.sent",
                object=f"command batch {row.pk}",
                changes={"ocpp_action": row.action, "charge_points": row.size},
                at=now,
            )
        return Response(CommandBatchShape(row).data, status=202)


class CommandBatchView(OperatorScopedView):
    """One batch."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Taking back needs the right to send."""
        if self.request.method == "DELETE":
            return [HasScope("commands:write")()]
        return [MAY_READ()]

    @extend_schema(
        operation_id="show_command_batch",
        responses=CommandBatchDetailShape,
        parameters=[
            OpenApiParameter("state", str, enum=batches.STATES),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request, batch_id: int) -> Response:
        """Show how far a batch is, with one page of its charge points."""
        row = self._row(batch_id)
        members = batches.members_of(row.pk, request.query_params.get("state", ""))
        pages = self.pagination_class()
        page = pages.paginate_queryset(members, request, view=self)
        shown = pages.get_paginated_response(BatchMemberShape(page, many=True).data)
        shape = CommandBatchDetailShape(row, context={"members": shown.data})
        return Response(shape.data)

    @extend_schema(
        operation_id="cancel_command_batch", responses={200: CommandBatchShape}
    )
    def delete(self, request: Request, batch_id: int) -> Response:
        """Take back what was not sent yet; again changes nothing."""
        row = self._row(batch_id)
        now = timezone.now()
        if batches.cancel(batch_id=row.pk, at=now):
            audit.record(
                operator_id=row.operator_id,
                actor=str(request.user.pk),
                action="command_batch.cancelled",
                object=f"command batch {row.pk}",
                changes={},
                at=now,
            )
        row.refresh_from_db()
        if row.state != CommandBatch.State.CANCELLED:
            raise UnableToCancelCommand(
                "command_batch_ended", f"The batch {row.pk} has ended already."
            )
        return Response(CommandBatchShape(row).data)

    def _row(self, batch_id: int) -> CommandBatch:
        row = CommandBatch.objects.filter(
            pk=batch_id, operator_id__in=self.operator_ids
        ).first()
        if row is None:
            raise UnableToFindBatch(
                "unknown_command_batch", f"You have no command batch {batch_id}."
            )
        return row
