"""What pages of the admin share: rows shown whole, rights to act, colours of words."""

from datetime import UTC, tzinfo
from typing import Any, ClassVar, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
)
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from unfold.contrib.filters.admin import DropdownFilter

from cpms.accounts.admin import OperatorScopedAdmin, request_operator_ids
from cpms.accounts.models import Membership, Operator
from cpms.accounts.services.staff import role_at

LIST_ROWS: Final = 50

# The tone of each state's badge, over all rooms: a word means the same everywhere.
TONES: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            *("online", "available", "accepted", "ok", "closed", "captured", "yes"),
            *("active", "enabled", "on_statement", "succeeded", "authorized"),
        ),
        "success",
    ),
    **dict.fromkeys(
        (
            *("charging", "occupied", "preparing", "started", "sent", "claimed"),
            *("issued", "starting", "capturing", "authorizing", "created"),
            *("finished", "rated", "pending_capture"),
        ),
        "info",
    ),
    **dict.fromkeys(
        (
            *("pending", "queued", "suspended_ev", "suspended_evse", "finishing"),
            *("reserved", "review", "requires_action", "receivable", "unavailable"),
            *("partly_refunded", "refunded", "refused", "superseded"),
        ),
        "warning",
    ),
    **dict.fromkeys(
        (
            *("faulted", "rejected", "failed", "blocked", "invalid", "declined"),
            *("expired", "revoked", "disputed", "offline"),
        ),
        "danger",
    ),
}


def tone(word: object) -> str:
    """The tone of a state's badge; "" for words without one."""
    return TONES.get(str(word).lower(), "")


def may_act(request: HttpRequest, *, operator_id: int, roles: frozenset[str]) -> bool:
    """Whether this user may do something to a row of this operator.

    Owners may do everything at their own operator, platform staff everywhere; a role
    at one operator says nothing about another one.
    """
    user = request.user
    if not (user.is_active and user.is_staff):
        return False
    if user.is_superuser:
        return True
    role = role_at(user_id=user.pk or 0, operator_id=operator_id)
    return role is not None and role in roles | {Membership.Role.OWNER}


def zone_named(name: str) -> tzinfo:
    """The time zone of this IANA name; UTC when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def order_url(number: str | None) -> str:
    """The page of the order with this number; "" without number."""
    if not number:
        return ""
    try:
        return reverse("admin:order_by_number", args=[number])
    except NoReverseMatch:  # a deployment without the order pages
        return ""


def list_url(model: str, **filters: object) -> str:
    """The list of ``app_model``, filtered."""
    query = f"?{urlencode(filters)}" if filters else ""
    return reverse(f"admin:{model}_changelist") + query


class OperatorFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """By operator, offering only the user's own; absent when there is but one."""

    title = "operator"
    parameter_name = "operator"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[int, str]]:
        """Ids and names."""
        del model_admin
        rows = Operator.objects.order_by("name")
        if not request.user.is_superuser:
            rows = rows.filter(pk__in=request_operator_ids(request))
        found = list(rows.values_list("pk", "name"))
        return found if len(found) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter; a value that is no number finds nothing."""
        del request
        value = self.value()
        if not value:
            return queryset
        if not str(value).isdecimal():
            return queryset.none()
        return queryset.filter(operator_id=int(value))


class PageAdmin(OperatorScopedAdmin):
    """Rows that only services write are shown on a page, not in a dead form."""

    page_template: ClassVar[str]
    list_per_page = LIST_ROWS
    show_full_result_count = False
    action_roles: ClassVar[frozenset[str]] = frozenset({Membership.Role.TECHNICIAN})

    def page(self, request: HttpRequest, row: Any) -> dict[str, Any]:  # noqa: ANN401 - of any model
        """What the template shows besides the row (``original``)."""
        raise NotImplementedError

    def row_or_404(self, request: HttpRequest, object_id: str | int) -> Any:  # noqa: ANN401 - of any model
        """The row, if this user may see it.

        Raises:
            PermissionDenied: the user may see no row of this kind.
            Http404: there is no such row among the user's own.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(str(object_id)))
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        return row

    def may_act_on(self, request: HttpRequest, row: Any) -> bool:  # noqa: ANN401 - of any model
        """Whether the user may do something to the row, beyond looking."""
        return may_act(request, operator_id=row.operator_id, roles=self.action_roles)

    def render(
        self,
        request: HttpRequest,
        template: str,
        row: Any,  # noqa: ANN401 - of any model
        **context: Any,
    ) -> TemplateResponse:
        """A page of the row in the admin's frame."""
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        frame = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "opts": self.opts,
            "original": row,
            "object_id": row.pk,
            "may_act": self.may_act_on(request, row),
            "is_popup": False,
        }
        return TemplateResponse(request, template, {**frame, **context})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The row's page; nothing is changed here."""
        del form_url
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self.row_or_404(request, object_id)
        context = {**self.page(request, row), **(extra_context or {})}
        return self.render(request, self.page_template, row, **context)
