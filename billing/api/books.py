"""Tariffs, where they apply, who is in which group, and documents, over REST."""

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from billing.models import (
    Cdr,
    DriverGroup,
    DriverGroupMember,
    Receipt,
    Tariff,
    TariffAssignment,
)
from billing.services import driver_groups, tariffs
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

LOOK = "orders:read"
WRITE = "tariffs:write"


class TariffRow(OfOperator):
    """A tariff as its newest version has it."""

    class Meta:
        model = Tariff
        fields = (
            *("id", "operator", "code", "name", "currency", "ocpi", "content_hash"),
            *("created_at", "updated_at"),
        )


class TariffRequest(serializers.Serializer[Any]):
    """An OCPI tariff object; one of the same id gets a new version."""

    operator = serializers.SlugField(required=False)
    name = serializers.CharField(max_length=120, required=False, default="")
    ocpi = serializers.DictField(help_text="OCPI 2.2.1 or 2.3.0")
    applies_from = serializers.DateTimeField(
        required=False, help_text="Left out: from now on."
    )


class AssignmentRow(OfOperator):
    """Where and for whom a tariff applies; what is empty matches everything."""

    tariff = serializers.CharField(source="tariff.code", read_only=True)
    driver_group = serializers.CharField(
        source="driver_group.code", read_only=True, default=None
    )

    class Meta:
        model = TariffAssignment
        fields = (
            *("id", "operator", "tariff", "charge_point", "site_id"),
            *("connector_type", "driver_group", "token_group", "token_type"),
            *("starts_at", "ends_at"),
        )


class AssignmentRequest(serializers.Serializer[Any]):
    """A tariff by its code, and its reach."""

    operator = serializers.SlugField(required=False)
    tariff = serializers.CharField(max_length=36)
    charge_point = serializers.CharField(max_length=48, required=False, default="")
    site_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, allow_null=True
    )
    connector_type = serializers.CharField(max_length=40, required=False, default="")
    driver_group = serializers.CharField(max_length=36, required=False, default="")
    token_group = serializers.CharField(max_length=36, required=False, default="")
    token_type = serializers.ChoiceField(
        choices=TariffAssignment.TokenType.choices, required=False
    )
    starts_at = serializers.DateTimeField(required=False, help_text="Left out: now.")
    ends_at = serializers.DateTimeField(required=False, allow_null=True)


class GroupRow(OfOperator):
    """Drivers to whom the operator sells at tariffs of their own."""

    class Meta:
        model = DriverGroup
        fields = ("id", "operator", "code", "name", "created_at")


class GroupRequest(serializers.Serializer[Any]):
    """A new group."""

    operator = serializers.SlugField(required=False)
    code = serializers.SlugField(max_length=36)
    name = serializers.CharField(max_length=120, required=False, default="")


class MemberRow(OfOperator):
    """An account in a group, by the address that the operator knows."""

    group = serializers.CharField(source="group.code", read_only=True)

    class Meta:
        model = DriverGroupMember
        fields = ("id", "operator", "group", "email", "added_at")


class MemberRequest(serializers.Serializer[Any]):
    """The address of a driver's account."""

    email = serializers.EmailField()


class ReceiptRow(OfOperator):
    """A receipt as the driver got it."""

    order_number = serializers.CharField(source="order.number", read_only=True)

    class Meta:
        model = Receipt
        fields = (
            *("id", "operator", "number", "order_number", "corrects", "body"),
            "issued_at",
        )


class CdrRow(OfOperator):
    """A charge detail record in OCPI's shape."""

    order_number = serializers.CharField(source="order.number", read_only=True)

    class Meta:
        model = Cdr
        fields = (
            *("id", "operator", "order_number", "sequence", "credits", "currency"),
            *("energy_wh", "amount_minor", "ocpi", "created_at"),
        )


class TariffFilter(serializers.Serializer[Any]):
    """Which tariffs."""

    code = serializers.CharField(max_length=36, required=False)


class AssignmentFilter(serializers.Serializer[Any]):
    """Which assignments."""

    tariff = serializers.CharField(source="tariff__code", max_length=36, required=False)
    charge_point = serializers.CharField(max_length=48, required=False)


class GroupFilter(serializers.Serializer[Any]):
    """Which groups."""

    code = serializers.CharField(max_length=36, required=False)


class MemberFilter(serializers.Serializer[Any]):
    """Which members."""

    group = serializers.CharField(source="group__code", max_length=36, required=False)
    email = serializers.CharField(
        source="email__iexact", max_length=254, required=False
    )


class ReceiptFilter(serializers.Serializer[Any]):
    """Which receipts."""

    order_number = serializers.CharField(
        source="order__number", max_length=20, required=False
    )
    since = serializers.DateTimeField(source="issued_at__gte", required=False)
    before = serializers.DateTimeField(source="issued_at__lt", required=False)


class CdrFilter(serializers.Serializer[Any]):
    """Which records."""

    order_number = serializers.CharField(
        source="order__number", max_length=20, required=False
    )
    since = serializers.DateTimeField(source="created_at__gte", required=False)
    before = serializers.DateTimeField(source="created_at__lt", required=False)


TARIFFS = Table("tariffs", Tariff, TariffRow, TariffFilter)
ASSIGNMENTS = Table(
    "tariff-assignments",
    TariffAssignment,
    AssignmentRow,
    AssignmentFilter,
    related=("operator", "tariff", "driver_group"),
)
GROUPS = Table("driver-groups", DriverGroup, GroupRow, GroupFilter)
TABLES = (
    Table(
        "driver-group-members",
        DriverGroupMember,
        MemberRow,
        MemberFilter,
        related=("operator", "group"),
    ),
    Table(
        "receipts", Receipt, ReceiptRow, ReceiptFilter, related=("operator", "order")
    ),
    Table("cdrs", Cdr, CdrRow, CdrFilter, related=("operator", "order")),
)


class _WriteView(IdempotentMixin, OperatorScopedView):
    """A list that can be added to."""

    def get_permissions(self) -> list[Any]:
        """Looking and writing have scopes of their own."""
        request: Any = self.request  # None while the schema is generated
        looks = request is None or request.method in {"GET", "HEAD", "OPTIONS"}
        return [HasScope(LOOK if looks else WRITE)()]


class TariffsView(_WriteView):
    """The operator's tariffs."""

    @extend_schema(
        operation_id="list_tariffs",
        responses=TariffRow(many=True),
        parameters=[TariffFilter],
    )
    def get(self, request: Request) -> Response:
        """List tariffs, newest first."""
        return page_of(self, request, TARIFFS)

    @extend_schema(
        operation_id="save_tariff", request=TariffRequest, responses={201: TariffRow}
    )
    def post(self, request: Request) -> Response:
        """Save a tariff, or a new version of the one with this id."""
        form = TariffRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        operator = chosen_operator(self.operator_ids, asked.pop("operator", None))
        row = tariffs.save_tariff(
            operator_id=operator.pk,
            by=str(request.user.pk),
            at=timezone.now(),
            **asked,
        )
        return Response(TariffRow(row).data, status=201)


class AssignmentsView(_WriteView):
    """Where which tariff applies."""

    @extend_schema(
        operation_id="list_tariff_assignments",
        responses=AssignmentRow(many=True),
        parameters=[AssignmentFilter],
    )
    def get(self, request: Request) -> Response:
        """List assignments, newest first."""
        return page_of(self, request, ASSIGNMENTS)

    @extend_schema(
        operation_id="assign_tariff",
        request=AssignmentRequest,
        responses={201: AssignmentRow},
    )
    def post(self, request: Request) -> Response:
        """Let a tariff apply to a place, a group or everything."""
        form = AssignmentRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        operator = chosen_operator(self.operator_ids, asked.pop("operator", None))
        tariff = _named(Tariff, operator.pk, "tariff", asked.pop("tariff"))
        code = asked.pop("driver_group")
        group = _named(DriverGroup, operator.pk, "driver_group", code) if code else None
        row = tariffs.assign(
            tariff=tariff,
            starts_at=asked.pop("starts_at", None) or timezone.now(),
            ends_at=asked.pop("ends_at", None),
            by=str(request.user.pk),
            reach=tariffs.Reach(
                driver_group_id=group.pk if group is not None else None, **asked
            ),
        )
        return Response(AssignmentRow(row).data, status=201)


class GroupsView(_WriteView):
    """The operator's groups of drivers."""

    @extend_schema(
        operation_id="list_driver_groups",
        responses=GroupRow(many=True),
        parameters=[GroupFilter],
    )
    def get(self, request: Request) -> Response:
        """List groups, newest first."""
        return page_of(self, request, GROUPS)

    @extend_schema(
        operation_id="create_driver_group",
        request=GroupRequest,
        responses={201: GroupRow},
    )
    def post(self, request: Request) -> Response:
        """Make a group."""
        form = GroupRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        operator = chosen_operator(self.operator_ids, asked.pop("operator", None))
        if DriverGroup.objects.filter(operator=operator, code=asked["code"]).exists():
            raise ValidationError({"code": ["You have a group of this code already."]})
        now = timezone.now()
        row = DriverGroup.objects.create(operator=operator, created_at=now, **asked)
        audit.record(
            operator_id=operator.pk,
            actor=str(request.user.pk),
            action="driver_group.created",
            object=f"driver group {row.code}",
            changes=asked,
            at=now,
        )
        return Response(GroupRow(row).data, status=201)


class MembersView(_WriteView):
    """Who is in a group."""

    @extend_schema(
        operation_id="add_driver_to_group",
        request=MemberRequest,
        responses={201: MemberRow},
    )
    def post(self, request: Request, group_id: int) -> Response:
        """Put an account into the group; twice changes nothing."""
        form = MemberRequest(data=request.data)
        form.is_valid(raise_exception=True)
        group = DriverGroup.objects.filter(
            operator_id__in=self.operator_ids, pk=group_id
        ).first()
        if group is None:
            raise NotFound
        row = driver_groups.add_driver(
            group=group,
            email=form.validated_data["email"],
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(MemberRow(row).data, status=201)


class MemberView(OperatorScopedView):
    """One account in a group."""

    permission_classes = (HasScope(WRITE),)

    @extend_schema(operation_id="remove_driver_from_group", responses={204: None})
    def delete(self, request: Request, member_id: int) -> Response:
        """Take the account out; charges that run keep their tariff."""
        row = DriverGroupMember.objects.filter(
            operator_id__in=self.operator_ids, pk=member_id
        ).first()
        if row is None:
            raise NotFound
        driver_groups.remove_driver(row, by=str(request.user.pk), at=timezone.now())
        return Response(status=204)


def _named(model: type[Any], operator_id: int, field: str, code: str) -> Any:  # noqa: ANN401 - of two models
    row = model.objects.filter(operator_id=operator_id, code=code).first()
    if row is None:
        raise ValidationError({field: [f"You have none with the code {code!r}."]})
    return row


BASE = "api/v1/operator"
urlpatterns = [
    *(path(f"{BASE}/{table.name}", list_view(table).as_view()) for table in TABLES),
    path(f"{BASE}/tariffs", TariffsView.as_view()),
    path(f"{BASE}/tariff-assignments", AssignmentsView.as_view()),
    path(f"{BASE}/driver-groups", GroupsView.as_view()),
    path(f"{BASE}/driver-groups/<int:group_id>/members", MembersView.as_view()),
    path(f"{BASE}/driver-group-members/<int:member_id>", MemberView.as_view()),
]
