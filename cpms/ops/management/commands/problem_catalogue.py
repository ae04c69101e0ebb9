"""``manage.py problem_catalogue``: the codes of all refusals, as a page or as JSON."""

from dataclasses import asdict
from typing import Any

from cpms.accounts.management.base import DomainCommand
from cpms.ops.problem_catalogue import problems, reference


class Command(DomainCommand):
    """Print docs/reference/problems.md; ``--json``: code -> statuses and text."""

    help = "Print the catalogue of the codes of REST's problems."

    def act(self, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the base's own
        """The catalogue."""
        return {row.code: asdict(row) for row in problems()}

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the page, or JSON."""
        if options["json"]:
            super().handle(*args, **options)
        else:
            self.stdout.write(reference(), ending="")
