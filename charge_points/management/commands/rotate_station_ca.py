"""``manage.py rotate_station_ca``."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from charge_points.services.public_keys import authority
from cpms.accounts.management.base import DomainCommand


class Command(DomainCommand):
    """Make a new signing CA of the stations."""

    help = (
        "Sign stations' certificates with a new sub-CA from now on. Former CAs stay "
        "trusted. See docs/explanation/public-keys.md. "
        "Exit codes: 0 done, 1 refused, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name what is made anew."""
        super().add_arguments(parser)
        parser.add_argument(
            "--root", action="store_true", help="make a new root too, and sign by it"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make it."""
        made = authority.rotate(root=options["root"], by="manage.py", at=timezone.now())
        return {
            "authority": made.row.pk,
            "root": made.row.parent_id,
            "not_after": made.certificate.not_valid_after_utc.isoformat(),
            "ca_pem": authority.pem_of(made.certificate)
            + authority.pem_of(made.chain[-1]),
        }
