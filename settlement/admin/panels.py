"""What the admin's first page says of money."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from cpms.accounts.admin_pages import list_url
from cpms.accounts.dashboard import Figure, Panel, Work, WorkList, panel
from cpms.kernel.money import format_minor
from settlement.models import (
    Correction,
    Dispute,
    PayeeAccount,
    Receivable,
    ReconciliationDifference,
)
from settlement.services import late_money

WORK_SHOWN: Final = 5


@panel("money", place=30)
def money(operator_ids: Sequence[int]) -> Panel:
    """Debts, differences, and accounts that can take no payment."""
    mine = Q(operator_id__in=operator_ids)
    debts = list(
        Receivable.objects.filter(mine, state=Receivable.State.OPEN)
        .order_by("currency")
        .values_list("currency")
        .annotate(total=Sum("amount_minor"), count=Count("pk"))
    )
    differences = ReconciliationDifference.objects.filter(
        mine, resolved_at=None
    ).count()
    accounts = list(
        PayeeAccount.objects.filter(mine).order_by("pk").select_related("operator")
    )
    blocked = [row for row in accounts if not row.charges_enabled]
    owed = list_url("settlement_receivable", state__exact=Receivable.State.OPEN.value)
    figures = [
        *(
            Figure(_("owed by drivers"), format_minor(total, currency), owed, "warning")
            for currency, total, _count in debts
        ),
        Figure(
            _("payee accounts"), str(len(accounts)), list_url("settlement_payeeaccount")
        ),
    ]
    lists = [
        WorkList(_("Receivables"), sum(count for *_rest, count in debts), owed),
        WorkList(
            _("Reconciliation differences"),
            differences,
            list_url("settlement_reconciliationdifference"),
            "danger",
        ),
        WorkList(
            _("Corrections that wait for a person"),
            Correction.objects.filter(mine, state=Correction.State.STUCK).count(),
            list_url(
                "settlement_correction", state__exact=Correction.State.STUCK.value
            ),
            "danger",
        ),
        WorkList(
            _("Money that nobody owes, not given back yet"),
            late_money.not_given_back().filter(mine).count(),
            list_url("settlement_payment", unowed_reason__isempty=0),
            "danger",
        ),
        WorkList(
            _("Disputes to answer"),
            Dispute.objects.filter(mine, state=Dispute.State.OPEN).count(),
            list_url("settlement_dispute", state__exact=Dispute.State.OPEN.value),
            "danger",
        ),
    ]
    work = [
        Work(
            _("%(operator)s: account %(account)s takes no payments")
            % {"operator": row.operator.name, "account": row.reference},
            list_url("settlement_payeeaccount"),
            "danger",
        )
        for row in blocked[:WORK_SHOWN]
    ]
    return Panel(_("Money"), figures, work=work, lists=lists)
