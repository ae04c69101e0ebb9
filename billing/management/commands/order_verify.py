"""``manage.py order_verify``: the proof order by order."""

import sys
from typing import Any

from django.core.management.base import CommandParser

from billing.models import Order
from billing.services import order_proof
from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError


class UnableToVerifyOrders(DomainError):
    """There is no such operator or order."""


class Command(DomainCommand):
    """Prove that documents, money, shares and ledger say the same of every order."""

    help = (
        "Prove of every order: receipts less credit notes = paid less given back, plus "
        "owed and given up = revenue in the ledger; shares = what was kept; paid to "
        "the owner of the charge point as frozen. Exit codes: 0 proved, 1 something "
        "differs, 2 usage."
    )
    proved = False

    def add_arguments(self, parser: CommandParser) -> None:
        """All orders, an operator's, or one."""
        super().add_arguments(parser)
        parser.add_argument("--operator", help="only this operator's code")
        parser.add_argument("--order", default="", help="only this order's number")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Prove."""
        number = options["order"]
        operator_id = _operator_id(options["operator"])
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

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report; exit 1 when anything differs."""
        super().handle(*args, **options)
        if not self.proved:
            sys.exit(1)


def _operator_id(code: str | None) -> int | None:
    if code is None:
        return None
    operator = Operator.objects.filter(code=code).first()
    if operator is None:
        raise UnableToVerifyOrders(
            "unknown_operator", f"There is no operator with the code {code!r}."
        )
    return operator.pk
