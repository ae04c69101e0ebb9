"""``manage.py event_catalogue``: the public events, as a page or as JSON."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from cpms.accounts.management.base import DomainCommand
from cpms.notifications.catalogue import CATALOGUE, reference


class Command(DomainCommand):
    """Print docs/reference/events.md; ``--json``: type -> text and fields."""

    help = "Print the catalogue of the events that webhooks carry."

    def add_arguments(self, parser: CommandParser) -> None:
        """Only ``--json``."""
        super().add_arguments(parser)

    def act(self, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the base's own
        """The catalogue."""
        return {entry.type: asdict(entry) for entry in CATALOGUE}

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the page, or JSON."""
        if options["json"]:
            super().handle(*args, **options)
        else:
            self.stdout.write(reference(), ending="")
