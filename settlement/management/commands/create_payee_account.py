"""``manage.py create_payee_account``: an operator's own account at a provider."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from settlement.services.payees import UnableToRegisterPayee, register


class Command(DomainCommand):
    """Take in an account that the operator has; it becomes its currency's default."""

    help = (
        "Register an operator's own account at a payment provider. The provider is "
        "asked whether it takes payments. Exit codes: 0 done, 1 refused, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the operator and the account."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument("--provider", default="stripe")
        parser.add_argument("--account", required=True, help="such as acct_...")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Register it."""
        operator = Operator.objects.filter(code=options["operator"]).first()
        if operator is None:
            raise UnableToRegisterPayee(
                "unknown_operator",
                f"There is no operator with the code {options['operator']!r}.",
            )
        account = register(
            operator_id=operator.pk,
            provider=options["provider"],
            reference=options["account"],
            by="manage.py",
            at=timezone.now(),
        )
        return {
            "id": account.pk,
            "operator": operator.code,
            "account": account.reference,
            "currency": account.currency,
            "charges_enabled": account.charges_enabled,
        }
