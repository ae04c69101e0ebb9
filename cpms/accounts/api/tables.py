"""Lists of an operator's rows over REST: what the console's lists show.

A table names its model, its shape and its filters. A filter is a serializer whose
fields' ``source`` is the lookup: ``CharField(source="payment__order_number")``.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cpms.accounts.api.pagination import CursorPagination
from cpms.accounts.api.permissions import HasScope
from cpms.accounts.api.scoping import OperatorScopedView
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class Table:
    """One list: ``name`` in English ("payments"), as its address has it.

    ``related`` are joined, ``many`` fetched in one more statement each.
    """

    name: str
    model: type[Model]
    shape: type[serializers.BaseSerializer[Any]]
    filters: type[serializers.Serializer[Any]]
    scope: str = "orders:read"
    related: tuple[str, ...] = ("operator",)
    many: tuple[str, ...] = ()


class OfOperator(serializers.ModelSerializer[Any]):
    """A row that says whose it is."""

    operator = serializers.CharField(source="operator.code", read_only=True)


def page_of(view: OperatorScopedView, request: Request, table: Table) -> Response:
    """A page of the rows that the caller may see.

    Raises:
        ValidationError: a filter is wrong.
    """
    asked = table.filters(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    rows = table.model._default_manager.filter(  # noqa: SLF001 - public by name
        operator_id__in=view.operator_ids, **asked.validated_data
    )
    rows = rows.select_related(*table.related).prefetch_related(*table.many)
    pages = CursorPagination()
    page = pages.paginate_queryset(rows, request, view=view)
    return pages.get_paginated_response(table.shape(page, many=True).data)


def list_view(table: Table) -> type[OperatorScopedView]:
    """A view that lists the table, newest first."""
    words = table.name.replace("-", " ")

    class _List(OperatorScopedView):
        permission_classes = (HasScope(table.scope),)
        pagination_class = CursorPagination

        @extend_schema(
            operation_id=f"list_{table.name.replace('-', '_')}",
            description=f"List {words}, newest first.",
            responses=table.shape(many=True),
            parameters=[table.filters],
        )
        def get(self, request: Request) -> Response:
            return page_of(self, request, table)

    _List.__doc__ = f"The operator's {words}."
    _List.__name__ = f"{words.title().replace(' ', '')}View"
    return _List


class UnableToChooseOperator(DomainError):
    """It is not clear, or not allowed, whose the new row shall be."""

    http_status = 400


def chosen_operator(operator_ids: tuple[int, ...], code: str | None) -> Operator:
    """The operator that a new row belongs to: the only one, or the one that is named.

    Raises:
        UnableToChooseOperator: not one of the caller's, or several are possible.
    """
    rows = {
        row.code: row
        for row in Operator.objects.filter(pk__in=operator_ids).order_by("code")
    }
    if code is None and len(rows) == 1:
        return next(iter(rows.values()))
    if code is None or code not in rows:
        raise UnableToChooseOperator(
            "operator_ambiguous" if code is None else "unknown_operator",
            f"Name one of your operators in 'operator': {', '.join(rows)}.",
        )
    return rows[code]
