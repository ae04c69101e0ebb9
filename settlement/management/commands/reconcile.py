"""``manage.py reconcile``: the provider's report against our books, now."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from settlement.models import PayeeAccount, ReconciliationDifference
from settlement.services.reconciliation import UnableToReconcile, reconcile


class Command(DomainCommand):
    """Compare payee accounts with their provider's report."""

    help = (
        "Compare payee accounts with their provider's report: every line is explained "
        "by a payment, a refund, a dispute, a payout or a fee, or becomes a difference "
        "on the work list. Exit codes: 0 done, 1 refused or the provider did not "
        "answer, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """All accounts, those of an operator, or one."""
        super().add_arguments(parser)
        parser.add_argument("--operator", help="only this operator's code")
        parser.add_argument("--account", help="only this account, such as acct_...")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Compare."""
        accounts = _accounts(options["operator"], options["account"])
        explained = sum(
            reconcile(payee_account_id=account.pk, at=timezone.now())
            for account in accounts
        )
        differences = ReconciliationDifference.objects.filter(
            payee_account__in=accounts, resolved_at__isnull=True
        )
        return {
            "accounts": len(accounts),
            "lines_explained": explained,
            "open_differences": differences.count(),
        }


def _accounts(operator: str | None, reference: str | None) -> list[PayeeAccount]:
    rows = PayeeAccount.objects.order_by("pk")
    if operator is not None:
        known = Operator.objects.filter(code=operator).first()
        if known is None:
            raise UnableToReconcile(
                "unknown_operator", f"There is no operator with the code {operator!r}."
            )
        rows = rows.filter(operator=known)
    if reference is not None:
        rows = rows.filter(reference=reference)
        if not rows:
            raise UnableToReconcile(
                "unknown_payee_account", f"There is no payee account {reference!r}."
            )
    return list(rows)
