"""``manage.py ledger_verify``: the proof of the books."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import ProvingCommand, operator_id_of
from settlement.services import provider_books, verification


class Command(ProvingCommand):
    """Prove balance, chain, keys, payments, splits, and that the platform has none."""

    help = (
        "Prove the ledger: balance, hash chain, keys, payments against books, and "
        "that the platform holds nothing. Exit codes: 0 proved, 1 something differs, "
        "2 usage."
    )

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
        operator_id = operator_id_of(options["operator"])
        report = verification.prove(operator_id=operator_id)
        if options["provider"]:
            report.checks += provider_books.prove(
                operator_id=operator_id, at=timezone.now()
            )
        self.proved = report.ok
        found = report.as_json()
        return found if options["json"] else _in_words(found)


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
