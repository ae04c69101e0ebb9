"""``manage.py ocpp_coverage``: which messages have a route, from the tables."""

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from charge_points.handlers.registry import VersionTables
from charge_points.handlers.tables import all_tables
from charge_points.ocpp.message_set import Direction, Message
from charge_points.ocpp.schemas import MESSAGE_SETS

HEAD: Final = """# OCPP support

Made from the route tables by `manage.py ocpp_coverage --markdown`.
"""


def coverage() -> dict[str, dict[str, list[str]]]:
    """Version -> {"in": [...], "out": [...]}: actions with a route, sorted."""
    return {
        version: {"in": sorted(table.routes), "out": sorted(table.outgoing)}
        for version, table in all_tables().items()
    }


def _rows(message: Message, table: VersionTables) -> list[str]:
    rows = []
    for direction, routed in (
        (Direction.IN, table.routes),
        (Direction.OUT, table.outgoing),
    ):
        if message.direction not in {direction, Direction.BOTH}:
            continue
        route = table.routes.get(message.action)
        how = "—"
        if message.action in routed:
            mode = route.mode if direction is Direction.IN and route else "command"
            how = {"set": "set-wise", "one": "alone", "loop": "on the event loop"}.get(
                mode, mode
            )
        rows.append(f"| {message.action} | {message.group} | {direction} | {how} |")
    return rows


def markdown() -> str:
    """The support table of both versions."""
    parts = [HEAD]
    for version, table in all_tables().items():
        messages = MESSAGE_SETS[version]
        done = len(table.routes), len(table.outgoing)
        parts.append(
            f"\n## OCPP {version}: {done[0]} of {len(messages.incoming)} in, "
            f"{done[1]} of {len(messages.outgoing)} out\n\n"
            "| message | profile or block | direction | how it is handled |\n"
            "|---|---|---|---|"
        )
        for message in sorted(messages.by_action.values(), key=lambda m: m.action):
            parts += _rows(message, table)
    parts.append(
        "\nOther messages of the specification are answered `NotSupported`; as raw "
        "commands every message to a station can be sent over REST."
    )
    return "\n".join(parts) + "\n"


class Command(BaseCommand):
    """Print what is supported."""

    help = "Print which OCPP messages have a route (JSON or Markdown)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Choose the form."""
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument("--json", action="store_true", help="one JSON object")
        forms.add_argument("--markdown", action="store_true", help="docs/reference")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print."""
        if options["markdown"]:
            self.stdout.write(markdown(), ending="")
            return
        found = coverage()
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        for version, directions in found.items():
            for direction, names in directions.items():
                self.stdout.write(f"{version} {direction}: {', '.join(names)}")
