"""The shape of every command that does one domain deed."""

import json
import sys
from argparse import ArgumentTypeError
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError

PORT_MAX: Final = 65_535


class UnableToReachDatabase(DomainError):
    """PostgreSQL does not answer, or ended in the middle."""


class UnableToFindOperator(DomainError):
    """There is no such operator."""


def operator_id_of(code: str | None) -> int | None:
    """Whose rows a command is about; None: everybody's.

    Raises:
        UnableToFindOperator: ``unknown_operator``.
    """
    if code is None:
        return None
    operator = Operator.objects.filter(code=code).first()
    if operator is None:
        raise UnableToFindOperator(
            "unknown_operator", f"There is no operator with the code {code!r}."
        )
    return operator.pk


def refused(error: DomainError) -> CommandError:
    """A refusal of a command that prints no JSON object; ends it with 1."""
    return CommandError(f"Refused ({error.code}): {error.message}", returncode=1)


def port(text: str) -> int:
    """A TCP port as an argument of a command; 0: any free one.

    Raises:
        ArgumentTypeError: it is no number from 0 to 65535.
    """
    if not text.isascii() or not text.isdecimal() or int(text) > PORT_MAX:
        raise ArgumentTypeError(f"{text!r} is no port: 0 to {PORT_MAX}.")
    return int(text)


class DomainCommand(BaseCommand):
    """Runs ``act``, prints its result as JSON or lines, and exits 1 on a refusal."""

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """``--json`` for scripts."""
        parser.add_argument(
            "--json", action="store_true", help="print the result as one JSON object"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the deed and return what to print."""
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> None:
        """Act and print."""
        try:
            result = self.act(options)
        except DomainError as error:
            self._refuse(error, as_json=options["json"])
        except OperationalError as error:
            self._refuse(
                UnableToReachDatabase(
                    "database_unreachable",
                    f"The database does not answer ({str(error).strip()}); start "
                    "PostgreSQL or check the DATABASE_URL settings, then try again.",
                ),
                as_json=options["json"],
            )
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str))
            return
        for name, value in result.items():
            self.stdout.write(f"{name}: {value}")

    def _refuse(self, error: DomainError, *, as_json: bool) -> NoReturn:
        if as_json:
            refusal = {"error": error.code, "message": error.message}
            self.stdout.write(json.dumps(refusal))
        else:
            self.stderr.write(f"Refused ({error.code}): {error.message}")
        sys.exit(1)


class ProvingCommand(DomainCommand):
    """``act`` proves something and notes in ``proved`` whether it holds."""

    proved = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report; exit 1 when anything differs."""
        super().handle(*args, **options)
        if not self.proved:
            sys.exit(1)
