"""Firmware campaigns over REST."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.selecting import SelectingRequest, selection_of
from charge_points.models import FirmwareCampaign, FirmwareCampaignMember
from charge_points.services import campaigns
from charge_points.services.campaigns.members import STATES
from charge_points.services.campaigns.planning import (
    LIFETIME_MAX,
    RESULT_WITHIN,
    RESULT_WITHIN_MAX,
)
from charge_points.services.selection import SELECTED_MAX, stations_of
from cpms.accounts.api.idempotency import HEADER, IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex

RETRIES_MAX = 10
INTERVAL_S_MAX = 86_400
LIFETIME = timedelta(days=30)


class UnableToFindCampaign(DomainError):
    """The operator has no such campaign."""

    http_status = 404


class CampaignRequest(SelectingRequest):
    """Which file for whom, and how fast."""

    name = serializers.CharField(max_length=120)
    firmware_id = serializers.IntegerField(help_text="An uploaded file.")
    first_wave_size = serializers.IntegerField(
        min_value=1, max_value=SELECTED_MAX, default=5
    )
    wave_size = serializers.IntegerField(
        min_value=1, max_value=SELECTED_MAX, default=50
    )
    success_quota_percent = serializers.IntegerField(
        min_value=0,
        max_value=100,
        default=90,
        help_text="So much of a wave must have it before the next one begins.",
    )
    failure_limit_percent = serializers.IntegerField(
        min_value=0,
        max_value=100,
        default=10,
        help_text="Of the charge points asked so far; more pauses the campaign.",
    )
    result_within_s = serializers.IntegerField(
        min_value=60,
        max_value=int(RESULT_WITHIN_MAX.total_seconds()),
        default=int(RESULT_WITHIN.total_seconds()),
        help_text="A charge point without result after so long has failed.",
    )
    retries = serializers.IntegerField(
        min_value=0, max_value=RETRIES_MAX, required=False
    )
    retry_interval_s = serializers.IntegerField(
        min_value=1, max_value=INTERVAL_S_MAX, required=False
    )
    starts_at = serializers.DateTimeField(
        required=False, help_text="Without it: at once."
    )
    ends_at = serializers.DateTimeField(
        required=False,
        help_text=f"Nobody is asked later; at most {LIFETIME_MAX.days} days from now. "
        f"Without it: {LIFETIME.days} days after the begin.",
    )


class CampaignShape(serializers.ModelSerializer[FirmwareCampaign]):
    """A campaign; `counts` says how many charge points are in which state."""

    firmware_version = serializers.CharField(source="firmware.version")
    state = serializers.ChoiceField(choices=FirmwareCampaign.State.choices)
    pause_reason = serializers.CharField(
        help_text="staff, failures or quota; empty while it is not paused."
    )
    counts = serializers.SerializerMethodField()

    class Meta:
        model = FirmwareCampaign
        fields: tuple[str, ...] = (
            "id",
            "name",
            "firmware_id",
            "firmware_version",
            "selection",
            "size",
            "first_wave_size",
            "wave_size",
            "success_quota_percent",
            "failure_limit_percent",
            "result_within_s",
            "retries",
            "retry_interval_s",
            "state",
            "pause_reason",
            "wave",
            "counts",
            "requested_by",
            "created_at",
            "starts_at",
            "ends_at",
            "ended_at",
        )

    def get_counts(self, row: FirmwareCampaign) -> dict[str, int]:
        """By state."""
        known = self.context.get("counts")
        found = campaigns.counts_of([row.pk]) if known is None else known
        return dict(found[row.pk])


class CampaignMemberShape(serializers.ModelSerializer[FirmwareCampaignMember]):
    """One charge point; `update_status` is its own last word."""

    charge_point = serializers.CharField(source="charge_point.identity")
    status = serializers.ChoiceField(source="state", choices=STATES)
    update_status = serializers.CharField(source="update.status", default="")
    command = serializers.IntegerField(source="update.command_number", default=None)

    class Meta:
        model = FirmwareCampaignMember
        fields = (
            "id",
            "charge_point",
            "wave",
            "status",
            "update_status",
            "detail",
            "command",
            "ordered_at",
            "ended_at",
        )


class CampaignMemberPageShape(serializers.Serializer[Any]):
    """One page of members."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = CampaignMemberShape(many=True)


class CampaignDetailShape(CampaignShape):
    """A campaign with one page of its charge points."""

    members = serializers.SerializerMethodField()

    class Meta(CampaignShape.Meta):
        fields = (*CampaignShape.Meta.fields, "members")

    def get_members(self, row: FirmwareCampaign) -> CampaignMemberPageShape:
        """One page; `next` leads to the others."""
        del row
        page: Any = self.context["members"]
        return page  # type: ignore[no-any-return]  # rendered already


class CampaignsView(IdempotentMixin, OperatorScopedView):
    """Campaigns of the operator."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """A campaign sends commands."""
        post = self.request.method == "POST"
        return [HasScope("commands:write" if post else "charge_points:read")()]

    @extend_schema(
        operation_id="list_firmware_campaigns", responses=CampaignShape(many=True)
    )
    def get(self, request: Request) -> Response:
        """List firmware campaigns, newest first."""
        pages = self.pagination_class()
        rows = FirmwareCampaign.objects.filter(
            operator_id__in=self.operator_ids
        ).select_related("firmware")
        page = pages.paginate_queryset(rows, request, view=self) or []
        counts = campaigns.counts_of(row.pk for row in page)
        shape = CampaignShape(page, many=True, context={"counts": counts})
        return pages.get_paginated_response(shape.data)

    @extend_schema(
        operation_id="start_firmware_campaign",
        request=CampaignRequest,
        responses={202: CampaignShape},
    )
    def post(self, request: Request) -> Response:
        """Bring one firmware to many charge points, wave by wave."""
        form = CampaignRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        selection = selection_of(asked)
        asked.pop("charge_points", None)
        asked.pop("filter", None)
        stations = stations_of(self.operator_ids, selection)
        by, now = str(request.user.pk), timezone.now()
        key = request.headers.get(HEADER) or new_secret(bits=128)
        starts_at = max(asked.pop("starts_at", now), now)
        row = campaigns.create(
            wanted=campaigns.Wanted(
                operator_id=stations[0].operator_id,
                stations=stations,
                selection=selection.as_json(),
                # A key is its sender's: two systems may count from 1.
                idempotency_key=sha256_hex(f"{by}\n{key}"),
                starts_at=starts_at,
                ends_at=asked.pop("ends_at", starts_at + LIFETIME),
                **asked,
            ),
            by=by,
            at=now,
        )
        if row.created_at == now:
            _note(request, row, "firmware_campaign.started")
        return Response(CampaignShape(row).data, status=202)


class _OneCampaign(OperatorScopedView):
    def row_of(self, campaign_id: int) -> FirmwareCampaign:
        """A campaign of the caller's operators."""
        rows = FirmwareCampaign.objects.select_related("firmware")
        row = rows.filter(pk=campaign_id, operator_id__in=self.operator_ids).first()
        if row is None:
            raise UnableToFindCampaign(
                "unknown_firmware_campaign", f"You have no campaign {campaign_id}."
            )
        return row


class CampaignView(_OneCampaign):
    """One campaign."""

    permission_classes = (HasScope("charge_points:read"),)
    pagination_class = CursorPagination

    @extend_schema(
        operation_id="show_firmware_campaign",
        responses=CampaignDetailShape,
        parameters=[
            OpenApiParameter("state", str, enum=STATES),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request, campaign_id: int) -> Response:
        """Show how far a campaign is, with one page of its charge points."""
        row = self.row_of(campaign_id)
        members = FirmwareCampaignMember.objects.filter(campaign=row).select_related(
            "charge_point", "update"
        )
        state = request.query_params.get("state")
        if state in STATES:
            members = members.filter(state=state)
        pages = self.pagination_class()
        page = pages.paginate_queryset(members, request, view=self)
        shown = pages.get_paginated_response(CampaignMemberShape(page, many=True).data)
        shape = CampaignDetailShape(row, context={"members": shown.data})
        return Response(shape.data)


class _CampaignMove(_OneCampaign):
    """Something that staff do to a campaign; doing it again changes nothing."""

    permission_classes = (HasScope("commands:write"),)

    def answer(
        self, request: Request, campaign_id: int, deed: str, act: Callable[[], bool]
    ) -> Response:
        """Do it, tell the auditors, show the campaign."""
        row = self.row_of(campaign_id)
        if act():
            _note(request, row, f"firmware_campaign.{deed}")
        row.refresh_from_db()
        return Response(CampaignShape(row).data)


class PauseCampaignView(_CampaignMove):
    """Stop asking for a while."""

    @extend_schema(
        operation_id="pause_firmware_campaign",
        request=None,
        responses={200: CampaignShape},
    )
    def post(self, request: Request, campaign_id: int) -> Response:
        """Ask nobody more until it is resumed; what was not sent is taken back."""

        def act() -> bool:
            return campaigns.pause(campaign_id=campaign_id, at=timezone.now())

        return self.answer(request, campaign_id, "paused", act)


class ResumeCampaignView(_CampaignMove):
    """Go on."""

    @extend_schema(
        operation_id="resume_firmware_campaign",
        request=None,
        responses={200: CampaignShape},
    )
    def post(self, request: Request, campaign_id: int) -> Response:
        """Go on; the failures so far are accepted."""

        def act() -> bool:
            return campaigns.resume(campaign_id=campaign_id)

        return self.answer(request, campaign_id, "resumed", act)


class AbortCampaignView(_CampaignMove):
    """Stop asking for good."""

    @extend_schema(
        operation_id="abort_firmware_campaign",
        request=None,
        responses={200: CampaignShape},
    )
    def post(self, request: Request, campaign_id: int) -> Response:
        """Ask nobody more; charge points that were told go on, and are followed."""

        def act() -> bool:
            return campaigns.abort(campaign_id=campaign_id, at=timezone.now())

        return self.answer(request, campaign_id, "aborted", act)


def _note(request: Request, row: FirmwareCampaign, deed: str) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=str(request.user.pk),
        action=deed,
        object=f"firmware campaign {row.pk}",
        changes={"name": row.name, "charge_points": row.size},
        at=timezone.now(),
    )
