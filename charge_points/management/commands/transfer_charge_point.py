"""``manage.py transfer_charge_point``."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from charge_points.services import ownership
from cpms.accounts.management.base import DomainCommand


class Command(DomainCommand):
    """Sell a charge point: from now on it is another operator's."""

    help = (
        "Give a charge point to another operator from now on; what was before stays "
        "the former owner's. Exit codes: 0 done, 1 refused, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name what goes where."""
        super().add_arguments(parser)
        parser.add_argument("--identity", required=True, help="of the charge point")
        parser.add_argument("--to", required=True, help="the new operator's code")
        parser.add_argument("--site", default="Main site", help="made when missing")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Transfer it."""
        done = ownership.transfer(
            identity=options["identity"],
            to_operator_code=options["to"],
            site=options["site"],
            by="manage.py",
            at=timezone.now(),
        )
        return {
            "id": done.charge_point_id,
            "identity": options["identity"],
            "operator": options["to"],
            "former_id": done.former_charge_point_id,
            "former_identity": done.former_identity,
        }
