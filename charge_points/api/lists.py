"""Reservations, local lists, charging profiles and display messages over REST."""

from typing import Any

from django.db.models import Model
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import own_charge_point
from charge_points.models import (
    ChargingProfile,
    CompositeSchedule,
    DisplayMessage,
    LocalList,
    Reservation,
)
from charge_points.services import reservations
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex

EVSE_MAX = 1000


class UnableToFindReservation(DomainError):
    """The charge point has no such reservation."""

    http_status = 404


class ReservationShape(serializers.ModelSerializer[Reservation]):
    """A reservation."""

    evse = serializers.IntegerField(source="evse_number")

    class Meta:
        model = Reservation
        fields = (
            "id",
            "number",
            "evse",
            "connector_type",
            "id_token",
            "group_id",
            "state",
            "created_at",
            "active_from",
            "expires_at",
            "ended_at",
            "end_reason",
            "transaction_id",
        )


class ReservationRequest(serializers.Serializer[Any]):
    """What is to be reserved."""

    evse = serializers.IntegerField(
        min_value=0, max_value=EVSE_MAX, help_text="0: any EVSE of the charge point."
    )
    id_token = serializers.CharField(max_length=36)
    expires_at = serializers.DateTimeField()
    connector_type = serializers.CharField(
        max_length=20, required=False, default="", allow_blank=True
    )


class ReservationsView(IdempotentMixin, OperatorScopedView):
    """Reservations of one charge point."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Reserving sends a command."""
        post = self.request.method == "POST"
        return [HasScope("commands:write" if post else "charge_points:read")()]

    @extend_schema(
        operation_id="list_reservations", responses=ReservationShape(many=True)
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the reservations of a charge point, newest first."""
        station = own_charge_point(self.operator_ids, identity)
        pages = self.pagination_class()
        rows = Reservation.objects.filter(charge_point=station)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(ReservationShape(page, many=True).data)

    @extend_schema(
        operation_id="reserve",
        request=ReservationRequest,
        responses={202: ReservationShape},
    )
    def post(self, request: Request, identity: str) -> Response:
        """Reserve an EVSE for a token; the charge point answers by the state."""
        form = ReservationRequest(data=request.data)
        form.is_valid(raise_exception=True)
        station = own_charge_point(self.operator_ids, identity)
        by, now = str(request.user.pk), timezone.now()
        key = request.headers.get(HEADER) or new_secret(bits=128)
        row = reservations.reserve(
            wanted=reservations.NewReservation(
                charge_point_id=station.pk,
                idempotency_key=sha256_hex(f"{by}\n{key}"),
                **form.validated_data,
            ),
            by=by,
            at=now,
        )
        if row.created_at == now:
            _note(row, station.identity, by, "reservation.requested", now)
        return Response(ReservationShape(row).data, status=202)


def _note(row: Reservation, identity: str, by: str, deed: str, at: Any) -> None:  # noqa: ANN401 - an instant
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action=deed,
        object=f"charge point {identity}",
        changes={"reservation": row.pk},
        at=at,
    )


class ReservationView(OperatorScopedView):
    """One reservation."""

    permission_classes = (HasScope("commands:write"),)

    @extend_schema(operation_id="cancel_reservation", responses={202: ReservationShape})
    def delete(self, request: Request, identity: str, reservation_id: int) -> Response:
        """Ask the charge point to free what was reserved."""
        station = own_charge_point(self.operator_ids, identity)
        found = Reservation.objects.filter(charge_point=station, pk=reservation_id)
        if not found.exists():
            raise UnableToFindReservation(
                "unknown_reservation",
                f"The charge point {identity} has no reservation {reservation_id}.",
            )
        by, now = str(request.user.pk), timezone.now()
        row = reservations.cancel(reservation_id=reservation_id, by=by, at=now)
        _note(row, identity, by, "reservation.cancelled", now)
        return Response(ReservationShape(row).data, status=202)


class LocalListShape(serializers.ModelSerializer[LocalList]):
    """How a station's local list stands; ``tokens`` null: nobody knows its content."""

    tokens = serializers.SerializerMethodField()

    class Meta:
        model = LocalList
        fields = (
            "state",
            "version",
            "tokens",
            "left_out",
            "failures",
            "last_answer",
            "checked_at",
            "synced_at",
        )

    def get_tokens(self, row: LocalList) -> int | None:
        """How many tokens the station has."""
        return None if row.entries is None else len(row.entries)


class LocalListView(OperatorScopedView):
    """The local authorization list of one charge point."""

    permission_classes = (HasScope("charge_points:read"),)

    @extend_schema(operation_id="show_local_list", responses=LocalListShape)
    def get(self, request: Request, identity: str) -> Response:  # noqa: ARG002 - DRF's own
        """Show how the local list of a charge point stands."""
        station = own_charge_point(self.operator_ids, identity)
        row = LocalList.objects.filter(charge_point=station).first()
        return Response(LocalListShape(row or LocalList(left_out=0)).data)


class ChargingProfileShape(serializers.ModelSerializer[ChargingProfile]):
    """A charging profile; limits are exact decimal texts."""

    evse = serializers.IntegerField(source="evse_number")

    class Meta:
        model = ChargingProfile
        fields = (
            "profile_id",
            "evse",
            "stack_level",
            "purpose",
            "kind",
            "recurrency",
            "transaction_id",
            "valid_from",
            "valid_to",
            "schedules",
            "source",
            "state",
            "installed_at",
            "confirmed_at",
            "ended_at",
        )


class CompositeShape(serializers.ModelSerializer[CompositeSchedule]):
    """What a station said its limits add up to."""

    evse = serializers.IntegerField(source="evse_number")

    class Meta:
        model = CompositeSchedule
        fields = (
            "evse",
            "starts_at",
            "duration_s",
            "rate_unit",
            "periods",
            "received_at",
        )


class DisplayMessageShape(serializers.ModelSerializer[DisplayMessage]):
    """A message on a display."""

    class Meta:
        model = DisplayMessage
        fields = (
            "message_id",
            "priority",
            "shown_in",
            "starts_at",
            "ends_at",
            "transaction_id",
            "format",
            "language",
            "content",
            "state",
            "set_at",
            "confirmed_at",
            "cleared_at",
        )


class StationRows(OperatorScopedView):
    """Rows of one charge point, by page."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = CursorPagination

    def page_of(
        self,
        request: Request,
        identity: str,
        model: type[Model],
        shape: type[serializers.ModelSerializer[Any]],
    ) -> Response:
        """One page, newest first."""
        station = own_charge_point(self.operator_ids, identity)
        pages = self.pagination_class()
        rows = model._default_manager.filter(charge_point=station)  # noqa: SLF001 - Django's own
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(shape(page, many=True).data)


class ChargingProfilesView(StationRows):
    """Charging profiles of one charge point."""

    @extend_schema(
        operation_id="list_charging_profiles",
        responses=ChargingProfileShape(many=True),
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the charging profiles of a charge point, newest first."""
        return self.page_of(request, identity, ChargingProfile, ChargingProfileShape)


class CompositeSchedulesView(StationRows):
    """Composite schedules of one charge point."""

    @extend_schema(
        operation_id="list_composite_schedules", responses=CompositeShape(many=True)
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the last composite schedules of a charge point."""
        return self.page_of(request, identity, CompositeSchedule, CompositeShape)


class DisplayMessagesView(StationRows):
    """Messages on the display of one charge point."""

    @extend_schema(
        operation_id="list_display_messages",
        responses=DisplayMessageShape(many=True),
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the display messages of a charge point, newest first."""
        return self.page_of(request, identity, DisplayMessage, DisplayMessageShape)
