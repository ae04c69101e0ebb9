"""What pages of the admin share: rows shown whole, rights to act, colours of words."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from cpms.accounts.admin import (
    OperatorScopedAdmin,
    operators_with,
    request_operator_ids,
)
from cpms.accounts.models import Operator
from cpms.accounts.templatetags.cpms_admin import state_word

if TYPE_CHECKING:
    from django.contrib import admin

LIST_ROWS: Final = 50


class _Tones(dict[str, str]):
    """No tone for words that have none, so that a list still shows them in words."""

    def __missing__(self, word: str) -> str:
        return ""


# The tone of each state's badge, over all rooms: a word means the same everywhere.
TONES: Final = _Tones(
    {
        **dict.fromkeys(
            (
                *("online", "available", "accepted", "ok", "closed", "captured", "yes"),
                *("active", "enabled", "on_statement", "succeeded", "authorized"),
                "verified",
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
                *("expired", "revoked", "disputed", "offline", "wrong"),
            ),
            "danger",
        ),
    }
)


def tone(word: object) -> str:
    """The tone of a state's badge; "" for words without one."""
    return TONES.get(str(word).lower(), "")


def state(word: object) -> tuple[str, str]:
    """A state for a list's badge: its stored name, lower case, and what is shown."""
    return str(word).lower(), state_word(word)


def may_act(request: HttpRequest, *, operator_id: int, roles: frozenset[str]) -> bool:
    """Whether this user may do something to a row of this operator.

    Owners may do everything at their own operator, platform staff everywhere; a role
    at one operator says nothing about another one.
    """
    return operator_id in operators_to_act_for(request, roles) or is_platform(request)


def operators_to_act_for(request: HttpRequest, roles: frozenset[str]) -> frozenset[int]:
    """The operators at which the user is an owner or has one of these roles."""
    if not (request.user.is_active and request.user.is_staff):
        return frozenset()
    return operators_with(request, roles)


def is_platform(request: HttpRequest) -> bool:
    """Whether this is platform staff."""
    return bool(request.user.is_active and request.user.is_superuser)


def operators_to_add_to(
    request: HttpRequest, roles: frozenset[str]
) -> QuerySet[Operator]:
    """Whose a new row may be: platform staff adds to all, others where they may act."""
    rows = Operator.objects.order_by("name")
    if is_platform(request):
        return rows
    return rows.filter(pk__in=operators_to_act_for(request, roles))


def framed(
    owner: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    template: str,
    /,
    **context: Any,
) -> TemplateResponse:
    """A page of ours in the admin's frame; ``context`` wins over the frame's."""
    request.current_app = owner.admin_site.name
    frame = {**owner.admin_site.each_context(request), "opts": owner.opts}
    return TemplateResponse(request, template, {**frame, **context})


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


def link(address: str, text: object) -> str:
    """A link in a list; the text alone without address, a blank without text."""
    if not address or text in {"", None}:
        return str(text or "")
    return format_html('<a class="text-link" href="{}">{}</a>', address, text)


def utc(at: datetime | None) -> str:
    """An instant in a list, to the second; lists mix sites, so their clock is UTC."""
    if at is None:
        return ""
    text = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def kilo(value: Decimal | int | None, unit: str, digits: int = 3) -> str:
    """A quantity in thousands, its unit on the same line; "" for nothing."""
    if value is None:
        return ""
    return f"{Decimal(value) / 1000:.{digits}f}\N{NO-BREAK SPACE}{unit}"


class OperatorFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """By operator, offering only the user's own; absent when there is but one."""

    title = _("operator")
    parameter_name = "operator"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
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


class OwnListAdmin(OperatorScopedAdmin):
    """A list that names the operator only to those who see several."""

    list_per_page = LIST_ROWS

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """Without the operator's column for members of one."""
        columns = list(super().get_list_display(request))
        several = is_platform(request) or len(request_operator_ids(request)) > 1
        return columns if several else [c for c in columns if c != "operator"]


class PageAdmin(OwnListAdmin):
    """Rows that only services write are shown on a page, not in a dead form."""

    page_template: ClassVar[str]
    action_roles: ClassVar[frozenset[str]] = frozenset()
    """Who may do what the page offers, besides owners; empty: it offers nothing."""

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
        of_row = {
            "title": str(row),
            "original": row,
            "object_id": row.pk,
            "may_act": self.may_act_on(request, row),
            "is_popup": False,
        }
        return framed(self, request, template, **{**of_row, **context})

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
            raise PermissionDenied  # as where Django's form may not be changed
        try:
            row = self.row_or_404(request, object_id)
        except Http404:  # as every page of Django's admin: back, with a word
            return self._get_obj_does_not_exist_redirect(  # type: ignore[no-any-return]
                request, self.opts, object_id
            )
        context = {**self.page(request, row), **(extra_context or {})}
        return self.render(request, self.page_template, row, **context)


class ScopedFormAdmin(OwnListAdmin):
    """Rows with a form; who may use it is asked of the row's own operator."""

    read_only = False
    fixed_fields: ClassVar[tuple[str, ...]] = ()
    """Chosen when a row is made, and never again."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401 - unfold is untyped
        """A row of all operators (without operator) is the platform's."""
        if obj is None or is_platform(request):
            return self.has_add_permission(request)
        return obj.operator_id is not None and may_act(
            request, operator_id=obj.operator_id, roles=self.change_roles
        )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - unfold is untyped
        """Those who may act somewhere."""
        return is_platform(request) or bool(
            operators_to_act_for(request, self.change_roles)
        )

    def get_readonly_fields(
        self,
        request: HttpRequest,
        obj: Any = None,  # noqa: ANN401 - unfold is untyped
    ) -> tuple[str, ...]:
        """The fixed fields too, once there is a row."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (*fields, *self.fixed_fields)

    def formfield_for_foreignkey(
        self,
        db_field: Any,  # noqa: ANN401 - unfold is untyped
        request: HttpRequest,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - unfold is untyped
        """Offer the operators at which the user may act."""
        if db_field.name == "operator" and not is_platform(request):
            own = operators_to_act_for(request, self.change_roles)
            kwargs["queryset"] = Operator.objects.filter(pk__in=own)
            if len(own) == 1:
                kwargs["initial"] = min(own)
            return super(OperatorScopedAdmin, self).formfield_for_foreignkey(
                db_field, request, **kwargs
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
