"""Split agreements and statements for the operator's own systems."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError
from settlement.exports import statement
from settlement.models import SplitAgreement, SplitParty
from settlement.services.split_terms import agree_as_operator
from settlement.services.splits import Agreement, Party, parties_of
from settlement.services.statements import Period, lines, totals

LINES_MAX: Final = 5_000
"""Lines of a statement in one answer; a longer one is fetched as CSV."""

AGREEMENTS_MAX: Final = 1_000


class UnableToShowStatement(DomainError):
    """The question does not say which statement, or there is no such operator."""

    http_status = 422


class PartyShape(serializers.Serializer[Any]):
    """A party's claim: basis points of the amount plus a fixed sum, clamped."""

    key = serializers.SlugField(max_length=40, help_text="its name in the ledger")
    name = serializers.CharField(max_length=120)
    role = serializers.ChoiceField(choices=SplitParty.Role.choices)
    basis_points = serializers.IntegerField(
        min_value=0, max_value=10_000, default=0, help_text="1/100 of a percent"
    )
    fixed_minor = serializers.IntegerField(min_value=0, max_value=10**12, default=0)
    min_minor = serializers.IntegerField(
        min_value=0, max_value=10**12, allow_null=True, default=None
    )
    max_minor = serializers.IntegerField(
        min_value=0, max_value=10**12, allow_null=True, default=None
    )


class AgreementRequest(serializers.Serializer[Any]):
    """For a charge point, a site, or the whole operator; from now on by default."""

    operator_id = serializers.IntegerField(
        required=False, help_text="needed by staff of several operators"
    )
    name = serializers.CharField(max_length=80)
    site_id = serializers.IntegerField(allow_null=True, default=None)
    charge_point = serializers.CharField(
        max_length=48, allow_blank=True, default="", help_text="its identity"
    )
    valid_from = serializers.DateTimeField(required=False)
    valid_until = serializers.DateTimeField(
        allow_null=True, default=None, help_text="exclusive; null: until the next one"
    )
    parties = PartyShape(many=True, allow_empty=False)


class AgreementShape(serializers.Serializer[Any]):
    """An agreement; of those that hold, the most specific one divides a charge."""

    id = serializers.IntegerField()
    operator_id = serializers.IntegerField()
    name = serializers.CharField()
    site_id = serializers.IntegerField(allow_null=True)
    charge_point = serializers.CharField()
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField(allow_null=True)
    parties = PartyShape(many=True)


class StatementQuery(serializers.Serializer[Any]):
    """Which statement: ``[from, until)`` of one operator, of all parties or one."""

    operator_id = serializers.IntegerField(
        required=False, help_text="needed by staff of several operators"
    )
    until = serializers.DateTimeField(help_text="exclusive")
    party = serializers.SlugField(max_length=40, default="")

    def get_fields(self) -> dict[str, Any]:
        """``from`` is no name in Python."""
        begin = serializers.DateTimeField(source="starts_at", help_text="inclusive")
        return {"from": begin, **super().get_fields()}


class PartyTotalShape(serializers.Serializer[Any]):
    """What one party got in one currency; given back is negative."""

    party = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField()
    currency = serializers.CharField()
    captured_minor = serializers.IntegerField()
    given_back_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()
    charges = serializers.IntegerField()


class StatementLineShape(serializers.Serializer[Any]):
    """One share of one capture or refund."""

    at = serializers.DateTimeField()
    order_number = serializers.CharField()
    kind = serializers.CharField()
    party = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class StatementShape(serializers.Serializer[Any]):
    """Each party's totals, and the lines that they add up from."""

    operator_id = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    parties = PartyTotalShape(many=True)
    lines = StatementLineShape(many=True)


class SplitAgreementsView(IdempotentMixin, OperatorScopedView):
    """Who shares the operator's revenue."""

    def get_permissions(self) -> list[Any]:
        """Agreeing moves money; looking does not."""
        request: Any = self.request  # None while the schema is generated
        agrees = request is not None and request.method == "POST"
        return [HasScope("payments:write" if agrees else "orders:read")()]

    @extend_schema(responses=AgreementShape(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """List them, the newest begin first; at most 1,000."""
        rows = SplitAgreement.objects.filter(operator_id__in=self.operator_ids)
        rows = rows.order_by("-valid_from", "-pk").prefetch_related("parties")
        return Response([_agreement(row) for row in rows[:AGREEMENTS_MAX]])

    @extend_schema(request=AgreementRequest, responses={201: AgreementShape})
    def post(self, request: Request) -> Response:
        """Agree on a split; the platform's own part must stay as it is agreed."""
        form = AgreementRequest(data=request.data)
        form.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(form.validated_data)
        now = timezone.now()
        parties = tuple(Party(**party) for party in data["parties"])
        row = agree_as_operator(
            Agreement(
                operator_id=own_operator(self.operator_ids, data.get("operator_id")),
                site_id=data["site_id"],
                charge_point=data["charge_point"],
                name=data["name"],
                parties=parties,
                valid_from=data.get("valid_from") or now,
                valid_until=data["valid_until"],
            ),
            by=str(request.user.pk),
            at=now,
        )
        return Response(_agreement(row), status=201)


class StatementView(OperatorScopedView):
    """What each party of the splits got in a period."""

    permission_classes = (HasScope("orders:read"),)

    @extend_schema(parameters=[StatementQuery], responses=StatementShape)
    def get(self, request: Request) -> Response:
        """Totals and lines."""
        period = _period(request, self.operator_ids)
        found = list(islice(lines(period), LINES_MAX + 1))
        if len(found) > LINES_MAX:
            raise UnableToShowStatement(
                "statement_too_long",
                f"The statement has more than {LINES_MAX} lines; ask for a shorter "
                "period, or fetch it as CSV (statements.csv).",
            )
        body = {
            "operator_id": period.operator_id,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
            "parties": totals(period),
            "lines": found,
        }
        return Response(StatementShape(body).data)


class StatementCsvView(OperatorScopedView):
    """The same as CSV, of any length."""

    permission_classes = (HasScope("orders:read"),)

    @extend_schema(
        parameters=[StatementQuery],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "the lines, a header")
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Stream the lines."""
        period = _period(request, self.operator_ids)
        answer = StreamingHttpResponse(csv_of(period), content_type="text/csv")
        answer["Content-Disposition"] = 'attachment; filename="statement.csv"'
        return answer


def csv_of(period: Period) -> Iterator[str]:
    """The CSV, read in a scope of its own: it is sent after the request's ended."""
    with acting_for([period.operator_id]):
        yield from statement.as_csv(period)


def own_operator(operator_ids: tuple[int, ...], wanted: int | None) -> int:
    """The operator that is meant.

    Raises:
        UnableToShowStatement: none of the caller's, or several and none was named.
    """
    if wanted is None and len(operator_ids) == 1:
        return operator_ids[0]
    if wanted not in operator_ids:
        raise UnableToShowStatement(
            "unknown_operator",
            "State operator_id: one of the operators that you act for.",
        )
    return wanted


def _period(request: Request, operator_ids: tuple[int, ...]) -> Period:
    form = StatementQuery(data=request.query_params)
    form.is_valid(raise_exception=True)
    data: dict[str, Any] = dict(form.validated_data)
    if data["until"] <= data["starts_at"]:
        raise UnableToShowStatement(
            "period_invalid", "until must be after from; it is exclusive."
        )
    return Period(
        own_operator(operator_ids, data.get("operator_id")),
        data["starts_at"],
        data["until"],
        data["party"],
    )


def _agreement(row: SplitAgreement) -> dict[str, Any]:
    parties = [asdict(party) for party in parties_of(row)]
    shape = AgreementShape(
        {
            **{name: getattr(row, name) for name in _COPIED},
            "parties": parties,
        }
    )
    return dict(shape.data)


_COPIED: Final = (
    "id",
    "operator_id",
    "name",
    "site_id",
    "charge_point",
    "valid_from",
    "valid_until",
)
