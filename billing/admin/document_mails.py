"""Mails with receipts: which were sent, and of which nobody knows."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from billing.models import DocumentMail
from billing.services.documents import mailing
from cpms.accounts.admin_pages import (
    TONES,
    OperatorFilter,
    OwnListAdmin,
    link,
    may_act,
    order_url,
    state,
    utc,
)
from cpms.accounts.models import Membership
from cpms.kernel.errors import DomainError

ROLES = frozenset({str(Membership.Role.FINANCE.value)})
ROWS_MAX = 200


@admin.register(DocumentMail)
class DocumentMailAdmin(OwnListAdmin):
    """One mail a receipt; one in doubt may be sent again."""

    list_display = ("moved", "receipt_number", "of_order", "status", "operator")
    list_filter = (("state", ChoicesDropdownFilter), OperatorFilter)
    search_fields = ("=receipt__order__number",)
    list_select_related = ("operator", "receipt__order")
    ordering = ("-id",)
    actions = ("send_again",)

    @display(description=_("Receipt"))  # type: ignore[untyped-decorator]
    def receipt_number(self, row: DocumentMail) -> str:
        """Its number."""
        return str(row.receipt.number)

    @display(description=_("Order"))  # type: ignore[untyped-decorator]
    def of_order(self, row: DocumentMail) -> str:
        """With the way to its story."""
        number = row.receipt.order.number
        return link(order_url(number), number)

    @display(description=_("State"), label=TONES, ordering="state")  # type: ignore[untyped-decorator]
    def status(self, row: DocumentMail) -> tuple[str, str]:
        """Where it stands."""
        return state(row.state)

    @display(description=_("Since (UTC)"), ordering="moved_at")  # type: ignore[untyped-decorator]
    def moved(self, row: DocumentMail) -> str:
        """Since when."""
        return utc(row.moved_at)

    @admin.action(description=_("Send again"))
    def send_again(
        self, request: HttpRequest, queryset: QuerySet[DocumentMail]
    ) -> None:
        """Send mails in doubt once more."""
        for row in list(queryset[:ROWS_MAX]):
            try:
                self._send(request, row)
            except DomainError as error:
                self.message_user(request, error.message, messages.ERROR)

    def _send(self, request: HttpRequest, row: DocumentMail) -> None:
        if not may_act(request, operator_id=row.operator_id, roles=ROLES):
            text = _("%s: only an owner or finance of the operator may do this.") % row
            self.message_user(request, text, messages.ERROR)
            return
        by = str(request.user.pk)
        mailing.send_again(mail_id=row.pk, by=by, at=timezone.now())
        self.message_user(request, _("The mail is sent again."))
