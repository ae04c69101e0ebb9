"""Sites, connectors, tokens and what was seen of the network, over REST."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.models import (
    ChargingCertificate,
    Connector,
    IdToken,
    SecurityEvent,
    Site,
)
from charge_points.services import id_tokens
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.api.tables import (
    OfOperator,
    Table,
    chosen_operator,
    list_view,
    page_of,
)
from cpms.accounts.services import audit

LOOK = "charge_points:read"


class _OfStation(OfOperator):
    charge_point = serializers.CharField(source="charge_point.identity", read_only=True)


class SiteRow(OfOperator):
    """A place with charge points; tariffs follow its clock."""

    class Meta:
        model = Site
        fields = (
            *("id", "operator", "name", "address", "postal_code", "city", "country"),
            *("latitude", "longitude", "time_zone", "created_at"),
        )
        read_only_fields = ("created_at",)
        validators = ()  # one name a site: asked where the operator is known

    def validate_time_zone(self, value: str) -> str:
        """Refuse names that no clock knows."""
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValidationError(
                "There is no such time zone; write it like Europe/Berlin."
            ) from error
        return value

    def validate_country(self, value: str) -> str:
        """Two letters, upper case."""
        if len(value) != 2 or not value.isascii() or not value.isalpha():
            raise ValidationError("A country is two letters, like DE.")
        return value.upper()


class NewSite(SiteRow):
    """A site of the one operator, or of the one that is named."""

    operator = serializers.SlugField(
        required=False, help_text="Code; for staff of several operators only."
    )


class ConnectorRow(_OfStation):
    """A connector and its state."""

    class Meta:
        model = Connector
        fields = (
            *("id", "operator", "charge_point", "evse_number", "number", "code"),
            *("type", "max_power_w", "status", "status_at", "error_code"),
            *("error_info", "vendor_id", "vendor_error_code"),
        )


class CertificateRow(_OfStation):
    """A charging certificate; its code is shown to nobody."""

    class Meta:
        model = ChargingCertificate
        fields = (
            *("id", "operator", "charge_point", "jti", "state", "order_number"),
            *("issued_at", "expires_at", "claimed_at", "ended_at", "end_reason"),
        )


class SecurityEventRow(_OfStation):
    """What a station or the gateway noticed."""

    class Meta:
        model = SecurityEvent
        fields = (
            *("id", "operator", "charge_point", "source", "kind", "severity"),
            *("occurred_at", "received_at", "detail"),
        )


class TokenRow(OfOperator):
    """What one of the operator's own tokens may do."""

    class Meta:
        model = IdToken
        fields = (
            *("id", "operator", "token", "token_type", "status", "group_id"),
            *("expires_at", "concurrent_allowed", "stop_only", "account_state"),
            *("allowed_connector_types", "allowed_site_ids", "valid_from"),
            *("valid_until", "updated_at"),
        )


class IdTokenPolicy(serializers.Serializer[Any]):
    """The whole policy of a token; what is left out has its default."""

    operator = serializers.SlugField(required=False)
    token = serializers.CharField(max_length=255)
    status = serializers.ChoiceField(choices=IdToken.Status.choices)
    token_type = serializers.CharField(max_length=20, required=False, default="")
    group = serializers.CharField(max_length=255, required=False, default="")
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    concurrent_allowed = serializers.BooleanField(required=False, default=False)
    stop_only = serializers.BooleanField(required=False, default=False)
    allowed_connector_types = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=20, required=False
    )
    allowed_site_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        max_length=1000,
        required=False,
    )
    valid_from = serializers.TimeField(required=False, allow_null=True)
    valid_until = serializers.TimeField(required=False, allow_null=True)


class SiteFilter(serializers.Serializer[Any]):
    """Which sites."""

    name = serializers.CharField(
        source="name__icontains", max_length=120, required=False
    )
    city = serializers.CharField(max_length=100, required=False)


class ConnectorFilter(serializers.Serializer[Any]):
    """Which connectors."""

    charge_point = serializers.CharField(
        source="charge_point__identity", max_length=48, required=False
    )
    site = serializers.IntegerField(
        source="charge_point__site_id", max_value=2**63 - 1, required=False
    )
    status = serializers.ChoiceField(choices=Connector.Status.choices, required=False)
    code = serializers.CharField(max_length=16, required=False)


class CertificateFilter(serializers.Serializer[Any]):
    """Which certificates."""

    charge_point = serializers.CharField(
        source="charge_point__identity", max_length=48, required=False
    )
    state = serializers.ChoiceField(
        choices=ChargingCertificate.State.choices, required=False
    )
    order_number = serializers.CharField(max_length=20, required=False)


class SecurityEventFilter(serializers.Serializer[Any]):
    """Which events."""

    charge_point = serializers.CharField(
        source="charge_point__identity", max_length=48, required=False
    )
    kind = serializers.CharField(max_length=50, required=False)
    severity = serializers.ChoiceField(
        choices=SecurityEvent.Severity.choices, required=False
    )
    since = serializers.DateTimeField(source="received_at__gte", required=False)
    before = serializers.DateTimeField(source="received_at__lt", required=False)


class TokenFilter(serializers.Serializer[Any]):
    """Which tokens."""

    token = serializers.CharField(
        source="token_key", max_length=255, required=False, help_text="Upper case."
    )
    status = serializers.ChoiceField(choices=IdToken.Status.choices, required=False)
    group = serializers.CharField(source="group_id", max_length=255, required=False)


OF_STATION = ("operator", "charge_point")
SITES = Table("sites", Site, SiteRow, SiteFilter, LOOK)
TOKENS = Table("id-tokens", IdToken, TokenRow, TokenFilter, LOOK)
TABLES = (
    Table("connectors", Connector, ConnectorRow, ConnectorFilter, LOOK, OF_STATION),
    Table(
        "charging-certificates",
        ChargingCertificate,
        CertificateRow,
        CertificateFilter,
        LOOK,
        OF_STATION,
    ),
    Table(
        "security-events",
        SecurityEvent,
        SecurityEventRow,
        SecurityEventFilter,
        LOOK,
        OF_STATION,
    ),
)


class SitesView(IdempotentMixin, OperatorScopedView):
    """The operator's sites."""

    def get_permissions(self) -> list[Any]:
        """Adding needs the right to write."""
        request: Any = self.request  # None while the schema is generated
        writes = request is not None and request.method == "POST"
        return [HasScope("charge_points:write" if writes else LOOK)()]

    @extend_schema(
        operation_id="list_sites",
        responses=SiteRow(many=True),
        parameters=[SiteFilter],
    )
    def get(self, request: Request) -> Response:
        """List sites, newest first."""
        return page_of(self, request, SITES)

    @extend_schema(
        operation_id="create_site", request=NewSite, responses={201: SiteRow}
    )
    def post(self, request: Request) -> Response:
        """Add a site."""
        form = NewSite(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        operator = chosen_operator(self.operator_ids, asked.pop("operator", None))
        if Site.objects.filter(operator=operator, name=asked["name"]).exists():
            raise ValidationError({"name": ["You have a site of this name already."]})
        now = timezone.now()
        row = Site.objects.create(operator=operator, created_at=now, **asked)
        _note(request, row, "site.created", asked)
        return Response(SiteRow(row).data, status=201)


class SiteView(OperatorScopedView):
    """One site."""

    def get_permissions(self) -> list[Any]:
        """Changing needs the right to write."""
        request: Any = self.request
        writes = request is not None and request.method == "PATCH"
        return [HasScope("charge_points:write" if writes else LOOK)()]

    def _row(self, site_id: int) -> Site:
        rows = Site.objects.filter(operator_id__in=self.operator_ids)
        row = rows.select_related("operator").filter(pk=site_id).first()
        if row is None:
            raise NotFound
        return row

    @extend_schema(operation_id="show_site", responses=SiteRow)
    def get(self, request: Request, site_id: int) -> Response:  # noqa: ARG002 - DRF's own
        """Show a site."""
        return Response(SiteRow(self._row(site_id)).data)

    @extend_schema(operation_id="change_site", request=SiteRow, responses=SiteRow)
    def patch(self, request: Request, site_id: int) -> Response:
        """Change a site; its operator never changes."""
        row = self._row(site_id)
        form = SiteRow(row, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data.get("name", row.name)
        twins = Site.objects.filter(operator=row.operator, name=wanted)
        if twins.exclude(pk=row.pk).exists():
            raise ValidationError({"name": ["You have a site of this name already."]})
        saved = form.save()
        _note(request, saved, "site.changed", dict(form.validated_data))
        return Response(SiteRow(saved).data)


class TokensView(IdempotentMixin, OperatorScopedView):
    """The operator's own tokens."""

    def get_permissions(self) -> list[Any]:
        """Writing has a scope of its own."""
        request: Any = self.request
        writes = request is not None and request.method == "POST"
        return [HasScope("tokens:write" if writes else LOOK)()]

    @extend_schema(
        operation_id="list_id_tokens",
        responses=TokenRow(many=True),
        parameters=[TokenFilter],
    )
    def get(self, request: Request) -> Response:
        """List tokens, newest first."""
        return page_of(self, request, TOKENS)

    @extend_schema(
        operation_id="put_id_token", request=IdTokenPolicy, responses=TokenRow
    )
    def post(self, request: Request) -> Response:
        """Write a token's policy: a new one, or in place of the one that it has."""
        form = IdTokenPolicy(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        operator = chosen_operator(self.operator_ids, asked.pop("operator", None))
        key = id_tokens.token_key(asked["token"])
        known = (
            IdToken.objects.select_for_update()
            .filter(token_key=key, operator=operator)
            .first()
        )
        if known is not None:  # what an account may do changes without its operator
            asked |= {
                "driver_id": known.driver_id,
                "account_state": known.account_state,
            }
        row = id_tokens.put_policy(operator_id=operator.pk, at=timezone.now(), **asked)
        deed = "id_token.created" if known is None else "id_token.changed"
        _note(request, row, deed, dict(form.validated_data))
        row.refresh_from_db()
        return Response(TokenRow(row).data)


def _note(
    request: Request, row: Site | IdToken, deed: str, changes: dict[str, Any]
) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=str(request.user.pk),
        action=deed,
        object=f"{'site' if isinstance(row, Site) else 'token'} {row}"[:160],
        changes={name: str(value) for name, value in changes.items()},
        at=timezone.now(),
    )


BASE = "api/v1/operator"
urlpatterns = [
    *(path(f"{BASE}/{table.name}", list_view(table).as_view()) for table in TABLES),
    path(f"{BASE}/sites", SitesView.as_view()),
    path(f"{BASE}/sites/<int:site_id>", SiteView.as_view()),
    path(f"{BASE}/id-tokens", TokensView.as_view()),
]
