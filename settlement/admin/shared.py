"""What the pages of settlement share: money for people, rows nobody edits."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from cpms.accounts.admin_pages import (
    TONES,
    OwnListAdmin,
    link,
    may_act,
    order_url,
    state,
)
from cpms.accounts.models import Membership
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor

MONEY_ROLES: Final = frozenset({str(Membership.Role.FINANCE.value)})
ACTION_ROWS_MAX: Final = 200


def money(amount_minor: int | None, currency: str) -> str:
    """An amount for people; a blank for none."""
    return "" if amount_minor is None else format_minor(amount_minor, currency)


class ReadOnlyInline(TabularInline):  # type: ignore[misc]  # unfold is untyped
    """Rows of a page that only services write."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - Django's own
        """Whoever sees the page sees its rows."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - Django's own
        """Services write."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401, ARG002 - Django's own
        """Services write."""
        return False


class MoneyAdmin(OwnListAdmin):
    """A list of money: read only; owners and finance may act on its rows."""

    action_roles: ClassVar[frozenset[str]] = MONEY_ROLES

    def act(
        self,
        request: HttpRequest,
        rows: Iterable[Any],
        deed: Callable[[Any], object],
        *,
        done: object,  # shown: words, or words that are still to be translated
    ) -> None:
        """Do something to each row that the user may act on, and say how it went."""
        acted = 0
        for row in list(rows)[:ACTION_ROWS_MAX]:
            if not may_act(
                request, operator_id=row.operator_id, roles=self.action_roles
            ):
                self.message_user(
                    request,
                    _("%s: only an owner or finance of the operator may do this.")
                    % row,
                    messages.ERROR,
                )
                continue
            try:
                deed(row)
                acted += 1
            except DomainError as error:
                self.message_user(request, f"{row}: {error.message}", messages.ERROR)
        if acted:
            self.message_user(request, f"{acted} {done}.")


def who(request: HttpRequest) -> str:
    """The actor of a deed in the admin, for the audit."""
    return str(getattr(request.user, "email", request.user.pk))


class OrderMoneyAdmin(MoneyAdmin):
    """Rows that name their order and have a state."""

    @display(description=_("Order"), ordering="order_number")  # type: ignore[untyped-decorator]  # unfold is untyped
    def order(self, row: Any) -> str:  # noqa: ANN401 - of several models
        """The order that it is about."""
        return link(order_url(row.order_number), row.order_number)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]  # unfold is untyped
    def status(self, row: Any) -> tuple[str, str]:  # noqa: ANN401 - of several models
        """Where it stands."""
        return state(row.state)
