"""``manage.py create_operator``."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.services.operators import create_operator


class Command(DomainCommand):
    """Take in an operator."""

    help = "Take in an operator. Exit codes: 0 done, 1 refused, 2 wrong usage."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the fields of an operator."""
        super().add_arguments(parser)
        parser.add_argument("--code", required=True, help="short unique slug")
        parser.add_argument("--name", required=True)
        parser.add_argument("--country", required=True, help="ISO 3166-1 alpha-2")
        parser.add_argument("--currency", required=True, help="ISO 4217")
        parser.add_argument("--time-zone", default="UTC", help="IANA name")
        parser.add_argument(
            "--allow-security-profile-0",
            action="store_true",
            help="let its chargers connect without a password (not advised)",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Create it."""
        operator = create_operator(
            code=options["code"],
            name=options["name"],
            country=options["country"],
            currency=options["currency"],
            time_zone=options["time_zone"],
            allow_security_profile_0=options["allow_security_profile_0"],
            by="manage.py",
            at=timezone.now(),
        )
        return {"id": operator.pk, "code": operator.code, "name": operator.name}
