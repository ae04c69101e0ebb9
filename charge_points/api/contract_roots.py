"""Roots of contract certificates (ISO 15118) over REST."""

from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from charge_points.api.charge_points import UnableToChooseOperator
from charge_points.models import ContractRoot
from charge_points.services import contract_roots
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import Operator


class ContractRootShape(serializers.ModelSerializer[ContractRoot]):
    """A root; without operator it counts at all of them."""

    operator = serializers.SlugRelatedField[Operator](
        slug_field="code", read_only=True, allow_null=True
    )

    class Meta:
        model = ContractRoot
        fields = (
            "id",
            "operator",
            "subject",
            "fingerprint",
            "not_after",
            "added_at",
            "certificate_pem",
        )


class NewContractRoot(serializers.Serializer[Any]):
    """Whose contracts are to be believed."""

    certificate_pem = serializers.CharField(
        max_length=contract_roots.PEM_CHARS_MAX,
        help_text="One CA certificate in PEM: a mobility operator's or V2G root.",
    )
    operator = serializers.CharField(
        max_length=64, required=False, help_text="Its code, if you act for several."
    )


class ContractRootsView(IdempotentMixin, OperatorScopedView):
    """Whose contract certificates count at the caller's charge points."""

    pagination_class = CursorPagination

    def get_permissions(self) -> list[Any]:
        """Adding needs the right to write."""
        deed = "write" if self.request.method == "POST" else "read"
        return [HasScope(f"charge_points:{deed}")()]

    @extend_schema(
        operation_id="list_contract_roots", responses=ContractRootShape(many=True)
    )
    def get(self, request: Request) -> Response:
        """List the operator's own roots and those that count at all operators."""
        pages = self.pagination_class()
        mine = Q(operator_id__in=self.operator_ids) | Q(operator_id__isnull=True)
        rows = ContractRoot.objects.filter(mine).select_related("operator")
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(ContractRootShape(page, many=True).data)

    @extend_schema(
        operation_id="add_contract_root",
        request=NewContractRoot,
        responses={201: ContractRootShape},
    )
    def post(self, request: Request) -> Response:
        """Trust a root at one operator's charge points; again changes nothing."""
        form = NewContractRoot(data=request.data)
        form.is_valid(raise_exception=True)
        row = contract_roots.add(
            pem=form.validated_data["certificate_pem"],
            operator_id=self._operator(form.validated_data.get("operator")).pk,
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(ContractRootShape(row).data, status=201)

    def _operator(self, code: str | None) -> Operator:
        rows = Operator.objects.filter(pk__in=self.operator_ids)
        found = [row for row in rows if code is None or row.code == code]
        if len(found) != 1:
            raise UnableToChooseOperator(
                "operator_ambiguous" if code is None else "unknown_operator",
                "Name one of your operators in 'operator'.",
            )
        return found[0]


class ContractRootView(OperatorScopedView):
    """One root of an operator."""

    permission_classes = (HasScope("charge_points:write"),)

    @extend_schema(operation_id="remove_contract_root", responses={204: None})
    def delete(self, request: Request, root_id: int) -> Response:
        """Trust it no more; what counts at all operators is the platform's."""
        row = ContractRoot.objects.filter(
            pk=root_id, operator_id__in=self.operator_ids
        ).first()
        if row is None:
            raise contract_roots.UnableToFindRoot(
                "unknown_root", f"You have no contract root {root_id}."
            )
        contract_roots.remove(
            fingerprint=row.fingerprint,
            operator_id=row.operator_id,
            by=str(request.user.pk),
            at=timezone.now(),
        )
        return Response(status=204)
