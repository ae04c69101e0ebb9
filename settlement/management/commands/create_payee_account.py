"""``manage.py create_payee_account``: an operator's own account at a provider."""

from typing import Any

from django.utils import timezone

from cpms.accounts.models import Operator
from settlement.management.payee_command import PayeeCommand
from settlement.models import PayeeAccount
from settlement.services.payees import register


class Command(PayeeCommand):
    """Take in an account that the operator has; it becomes its currency's default."""

    help = (
        "Register an operator's own account at a payment provider. The provider is "
        "asked whether it takes payments. Exit codes: 0 done, 1 refused, 2 usage."
    )

    def account(self, operator: Operator, options: dict[str, Any]) -> PayeeAccount:
        """Register it, reached with the platform's key."""
        return register(
            operator_id=operator.pk,
            provider=options["provider"],
            reference=options["account"],
            by="manage.py",
            at=timezone.now(),
        )
