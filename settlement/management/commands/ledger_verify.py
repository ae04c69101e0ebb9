"""``manage.py ledger_verify``: the proof of the books."""

import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError
from settlement.services import provider_books, verification


class UnableToVerify(DomainError):
    """There is no such operator."""


class Command(DomainCommand):
    """Prove balance, chain, keys, payments, splits, and that the platform has none."""

    help = (
        "Prove the ledger: balance, hash chain, keys, payments against books, and "
        "that the platform holds nothing. Exit codes: 0 proved, 1 something differs, "
        "2 usage."
    )
    proved = False

    def add_arguments(self, parser: CommandParser) -> None:
        """One operator, or all; with the provider's own books, or without."""
        super().add_arguments(parser)
        parser.add_argument("--operator", help="only this operator's code")
        parser.add_argument(
            "--provider",
            action="store_true",
            help="ask the payment providers too: every line of every payee account, "
            "no transfers, no session money on the platform's account",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Prove."""
        operator_id = _operator_id(options["operator"])
        report = verification.prove(operator_id=operator_id)
        if options["provider"]:
            report.checks += provider_books.prove(
                operator_id=operator_id, at=timezone.now()
            )
        self.proved = report.ok
        found = report.as_json()
        return found if options["json"] else _in_words(found)

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
        raise UnableToVerify(
            "unknown_operator", f"There is no operator with the code {code!r}."
        )
    return operator.pk


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    words: dict[str, Any] = {
        "entries": found["entries"],
        "lines": found["lines"],
        "platform holds": found["platform_held_minor"],
    }
    for check in found["checks"]:
        words[check["check"]] = "ok" if check["ok"] else f"{check['wrong']} wrong"
        for number, problem in enumerate(check["problems"], start=1):
            words[f"  {check['check']} {number}"] = problem
    words["proved"] = found["ok"]
    return words
