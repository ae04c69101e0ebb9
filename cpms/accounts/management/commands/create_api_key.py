"""``manage.py create_api_key``."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.services.operators import SCOPES, create_api_key


class Command(DomainCommand):
    """Make an API key; it is shown this once."""

    help = "Make an API key for an operator's own system. It is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name operator and scopes."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument(
            "--scopes", required=True, help=f"comma-separated: {','.join(SCOPES)}"
        )
        parser.add_argument("--name", default="", help="what the key is for")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Create it."""
        key = create_api_key(
            operator_code=options["operator"],
            scopes=[s.strip() for s in options["scopes"].split(",") if s.strip()],
            name=options["name"],
            by="manage.py",
            at=timezone.now(),
        )
        return {
            "id": key.id,
            "operator": options["operator"],
            "prefix": key.prefix,
            "key": key.key,
            "scopes": list(key.scopes),
        }
