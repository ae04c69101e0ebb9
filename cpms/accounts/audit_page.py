"""Who did what to which thing, when: the audit log in the console.

Owners see their operators' deeds, platform staff all; nobody changes or deletes one
(the database refuses it to every role). Beside the admin module: exports need it.
"""

import json
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.decorators import display
from unfold.utils import parse_date_str

from cpms.accounts.admin_pages import OperatorFilter, utc
from cpms.accounts.exports import Column, ExportAdmin, field
from cpms.accounts.models import AuditEntry

CHANGES_SHOWN: Final = 120
ACTORS_MAX: Final = 100
"""More are found by the search field, not by a list."""


class ActorFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """By who did it, offering those in the rows that the user may see."""

    title = _("actor")
    parameter_name = "actor"

    def lookups(
        self,
        request: HttpRequest,
        model_admin: Any,  # noqa: ANN401 - unfold is untyped
    ) -> list[tuple[str, str]]:
        """Everybody who did something."""
        rows = model_admin.get_queryset(request).order_by("actor")
        found = list(rows.values_list("actor", flat=True).distinct()[:ACTORS_MAX])
        return [(actor, actor) for actor in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter."""
        del request
        return queryset.filter(actor=self.value()) if self.value() else queryset


class PeriodFilter(RangeDateFilter):  # type: ignore[misc]  # unfold is untyped
    """From one day until another one, both included, by the page's clock."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter; what is no day changes nothing."""
        del request
        for name, lookup in (("from", "gte"), ("to", "lte")):
            day = parse_date_str(
                self.used_parameters.get(f"{self.parameter_name}_{name}") or ""
            )
            if day is not None:
                found = {f"{self.parameter_name}__date__{lookup}": day}
                queryset = queryset.filter(**found)
        return queryset


class DeedFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """By the kind of thing that was done something to."""

    title = _("object")
    parameter_name = "kind"

    def lookups(
        self,
        request: HttpRequest,
        model_admin: Any,  # noqa: ANN401 - unfold is untyped
    ) -> list[tuple[str, str]]:
        """The first words of the deeds: "refund" of "refund.requested"."""
        rows = model_admin.get_queryset(request).order_by()
        actions = rows.values_list("action", flat=True).distinct()
        kinds = sorted({action.partition(".")[0] for action in actions})
        return [(kind, kind.replace("_", " ")) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter."""
        del request
        kind = self.value()
        return queryset.filter(action__startswith=f"{kind}.") if kind else queryset


def changes_text(entry: AuditEntry) -> str:
    """What changed, as one line of JSON; "" for nothing."""
    if not entry.changes:
        return ""
    return json.dumps(entry.changes, ensure_ascii=False, sort_keys=True)


@admin.register(AuditEntry)
class AuditEntryAdmin(ExportAdmin):
    """Who did what to which thing, when."""

    view_roles = frozenset()
    list_display = ("when", "operator", "actor", "action", "object", "changed")
    list_filter = (ActorFilter, DeedFilter, ("at", PeriodFilter), OperatorFilter)
    list_filter_submit = True
    search_fields = ("actor", "action", "object")
    search_help_text = _("Actor, action or object")
    list_select_related = ("operator",)
    date_hierarchy = "at"
    ordering = ("-id",)
    export_related = ("operator",)
    export_columns = (
        field("at"),
        Column("operator", lambda row: row.operator.code if row.operator else ""),
        field("actor"),
        field("action"),
        field("object"),
        Column("changes", changes_text),
    )

    @display(description=_("At (UTC)"), ordering="at")  # type: ignore[untyped-decorator]
    def when(self, row: AuditEntry) -> str:
        """When, in UTC."""
        return utc(row.at)

    @display(description=_("changes"))  # type: ignore[untyped-decorator]
    def changed(self, row: AuditEntry) -> str:
        """The beginning of what changed."""
        text = changes_text(row)
        return text if len(text) <= CHANGES_SHOWN else f"{text[:CHANGES_SHOWN]}…"
