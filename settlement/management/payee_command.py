"""What the commands about one operator's account at a provider share."""

from typing import Any

from django.core.management.base import CommandParser

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from settlement.models import PayeeAccount
from settlement.services.payees import UnableToRegisterPayee


class PayeeCommand(DomainCommand):
    """Names an operator and its account; prints the account as it is registered."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the operator, the provider and the account."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument("--provider", default="stripe")
        parser.add_argument("--account", required=True, help="such as acct_...")

    def account(self, operator: Operator, options: dict[str, Any]) -> PayeeAccount:
        """Register the account that the options name, and return it."""
        raise NotImplementedError

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Register it.

        Raises:
            UnableToRegisterPayee: ``unknown_operator``, and what registering refuses.
        """
        operator = Operator.objects.filter(code=options["operator"]).first()
        if operator is None:
            raise UnableToRegisterPayee(
                "unknown_operator",
                f"There is no operator with the code {options['operator']!r}.",
            )
        account = self.account(operator, options)
        return {
            "id": account.pk,
            "operator": operator.code,
            "account": account.reference,
            "currency": account.currency,
            "charges_enabled": account.charges_enabled,
        }
