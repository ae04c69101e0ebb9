"""Who did what to which thing, when: the audit log over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import AuditEntry


class AuditEntryShape(serializers.ModelSerializer[AuditEntry]):
    """One deed."""

    operator = serializers.CharField(source="operator.code", read_only=True)

    class Meta:
        model = AuditEntry
        fields = ("id", "at", "operator", "actor", "action", "object", "changes")


class AuditFilter(serializers.Serializer[Any]):
    """Which deeds."""

    since = serializers.DateTimeField(required=False)
    before = serializers.DateTimeField(required=False, help_text="Not included.")
    actor = serializers.CharField(
        max_length=120, required=False, help_text="Exactly as the log has it."
    )
    action = serializers.CharField(
        max_length=80,
        required=False,
        help_text="`refund.requested`, or its beginning: `refund.` for all of a kind.",
    )
    object = serializers.CharField(
        max_length=160, required=False, help_text="A part of the object's name."
    )


LOOKUPS = {
    "since": "at__gte",
    "before": "at__lt",
    "actor": "actor",
    "action": "action__startswith",
    "object": "object__icontains",
}


class AuditView(OperatorScopedView):
    """The operator's audit log."""

    permission_classes = (HasScope("audit:read"),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="list_audit_entries",
        responses=AuditEntryShape(many=True),
        parameters=[AuditFilter],
    )
    def get(self, request: Request) -> Response:
        """List who did what to which thing, newest first."""
        asked = AuditFilter(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        rows = AuditEntry.objects.filter(
            operator_id__in=self.operator_ids,
            **{LOOKUPS[name]: value for name, value in asked.validated_data.items()},
        )
        pages = self.pagination_class()
        page = pages.paginate_queryset(
            rows.select_related("operator"), request, view=self
        )
        body = AuditEntryShape(page, many=True).data
        return pages.get_paginated_response(body)
