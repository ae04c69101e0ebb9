"""The shape of every command that does one domain deed."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cpms.kernel.errors import DomainError


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
            if options["json"]:
                refusal = {"error": error.code, "message": error.message}
                self.stdout.write(json.dumps(refusal))
            else:
                self.stderr.write(f"Refused ({error.code}): {error.message}")
            sys.exit(1)
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str))
            return
        for name, value in result.items():
            self.stdout.write(f"{name}: {value}")
