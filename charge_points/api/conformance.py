"""What a station does otherwise or later than asked, and its meters' keys."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import UnableToFindChargePoint, own_charge_point
from charge_points.models import DeferredChange, MeterKey, QuirkCount
from charge_points.ocpp.quirks import QUIRKS
from charge_points.services import signed_values
from charge_points.services.connectors import EVSES_MAX
from charge_points.services.quirk_words import WORDS
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView

KEY_CHARS_MAX = 4_096


class QuirkShape(serializers.ModelSerializer[QuirkCount]):
    """A broken rule that was tolerated, and how often."""

    description = serializers.SerializerMethodField()

    class Meta:
        model = QuirkCount
        fields = (
            "quirk",
            "description",
            "version",
            "count",
            "first_seen_at",
            "last_seen_at",
            "example",
        )

    @extend_schema_field(serializers.CharField())
    def get_description(self, row: QuirkCount) -> str:
        """What the station does, and what is made of it."""
        known = QUIRKS.get(row.quirk)
        return known.description if known else WORDS.get(row.quirk, "")


class ConformanceView(OperatorScopedView):
    """The conformance report of one charge point."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="show_conformance_report", responses=QuirkShape(many=True)
    )
    def get(self, request: Request, identity: str) -> Response:
        """List the rules that a charge point broke, and how often."""
        station = own_charge_point(self.operator_ids, identity)
        pages = self.pagination_class()
        rows = QuirkCount.objects.filter(charge_point=station)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(QuirkShape(page, many=True).data)


class DeferredChangeShape(serializers.ModelSerializer[DeferredChange]):
    """A change or reset that the station put off."""

    evse = serializers.IntegerField(source="evse_number", help_text="0: all")
    connector = serializers.IntegerField(source="connector_number", help_text="0: all")

    class Meta:
        model = DeferredChange
        fields = ("kind", "evse", "connector", "promised_at", "ended_at", "end")


class DeferredChangesView(OperatorScopedView):
    """What a charge point answered with "Scheduled"."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="list_deferred_changes", responses=DeferredChangeShape(many=True)
    )
    def get(self, request: Request, identity: str) -> Response:
        """List what waits until nobody charges, and what became of it."""
        station = own_charge_point(self.operator_ids, identity)
        pages = self.pagination_class()
        rows = DeferredChange.objects.filter(charge_point=station)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(DeferredChangeShape(page, many=True).data)


class MeterKeyShape(serializers.ModelSerializer[MeterKey]):
    """A key by which signed meter values are verified."""

    evse = serializers.IntegerField(source="evse_number", help_text="0: all EVSEs")

    class Meta:
        model = MeterKey
        fields = (
            "id",
            "evse",
            "curve",
            "fingerprint",
            "public_key_der",
            "source",
            "added_at",
        )


class NewMeterKey(serializers.Serializer[Any]):
    """Register the key of a meter."""

    public_key = serializers.CharField(
        max_length=KEY_CHARS_MAX,
        help_text="PEM, or hexadecimal digits or Base64 as printed on the meter.",
    )
    evse = serializers.IntegerField(
        min_value=0, max_value=EVSES_MAX, default=0, help_text="0: all EVSEs"
    )
    algorithm = serializers.CharField(
        max_length=40,
        default="",
        allow_blank=True,
        help_text="As OCMF names it; needed for a bare point only.",
    )


class MeterKeysView(IdempotentMixin, OperatorScopedView):
    """The keys of a charge point's meters."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Adding needs the right to write."""
        deed = "write" if self.request.method == "POST" else "read"
        return [HasScope(f"charge_points:{deed}")()]

    @extend_schema(operation_id="list_meter_keys", responses=MeterKeyShape(many=True))
    def get(self, request: Request, identity: str) -> Response:
        """List the keys of a charge point's meters."""
        station = own_charge_point(self.operator_ids, identity)
        pages = self.pagination_class()
        rows = MeterKey.objects.filter(charge_point=station)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(MeterKeyShape(page, many=True).data)

    @extend_schema(
        operation_id="add_meter_key",
        request=NewMeterKey,
        responses={201: MeterKeyShape},
    )
    def post(self, request: Request, identity: str) -> Response:
        """Register a key; charges that end from now on are verified with it."""
        station = own_charge_point(self.operator_ids, identity)
        form = NewMeterKey(data=request.data)
        form.is_valid(raise_exception=True)
        row = signed_values.add(
            charge_point_id=station.pk,
            **form.validated_data,
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(MeterKeyShape(row).data, status=201)


class MeterKeyView(OperatorScopedView):
    """One key of a meter."""

    permission_classes = (HasScope("charge_points:write"),)

    @extend_schema(operation_id="remove_meter_key", responses={204: None})
    def delete(self, request: Request, identity: str, meter_key_id: int) -> Response:
        """Forget a key; what it verified stays verified."""
        station = own_charge_point(self.operator_ids, identity)
        row = MeterKey.objects.filter(charge_point=station, pk=meter_key_id).first()
        if row is None:
            raise UnableToFindChargePoint(
                "unknown_meter_key", f"{identity} has no meter key {meter_key_id}."
            )
        signed_values.remove(
            meter_key_id=row.pk, by=str(request.user.pk), at=timezone.now()
        )
        return Response(status=204)
