"""``manage.py order_verify``: the proof order by order."""

from typing import Any

from django.core.management.base import CommandParser

from billing.models import Order
from billing.services import order_proof
from cpms.accounts.management.base import ProvingCommand, operator_id_of
from cpms.kernel.errors import DomainError


class UnableToVerifyOrders(DomainError):
    """There is no such order."""


class Command(ProvingCommand):
    """Prove that documents, money, shares and ledger say the same of every order."""

    help = (
        "Prove of every order: receipts less credit notes = paid less given back, plus "
        "owed and given up = revenue in the ledger; shares = what was kept; paid to "
        "the owner of the charge point as frozen. Exit codes: 0 proved, 1 something "
        "differs, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """All orders, an operator's, or one."""
        super().add_arguments(parser)
        parser.add_argument("--operator", help="only this operator's code")
        parser.add_argument("--order", default="", help="only this order's number")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Prove."""
        number = options["order"]
        operator_id = operator_id_of(options["operator"])
        if number and not Order.objects.filter(number=number).exists():
            raise UnableToVerifyOrders(
                "unknown_order", f"There is no order with the number {number!r}."
            )
        report = order_proof.prove(operator_id=operator_id, number=number)
        self.proved = report.ok
        found: dict[str, Any] = {
            "ok": report.ok,
            "orders": report.orders,
            "on_their_way": report.on_their_way,
            "wrong": report.wrong,
        }
        if options["json"]:
            return {**found, "problems": report.problems}
        listed = {f"  {n}": text for n, text in enumerate(report.problems, start=1)}
        return found | listed
