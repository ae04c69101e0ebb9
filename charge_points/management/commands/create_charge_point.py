"""``manage.py create_charge_point``."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from charge_points.services.provisioning import NewChargePoint, create_charge_point
from cpms.accounts.management.base import DomainCommand


class Command(DomainCommand):
    """Take in a charge point; its password is shown this once."""

    help = "Take in a charge point. Exit codes: 0 done, 1 refused, 2 wrong usage."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the fields of a charge point."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument(
            "--identity", required=True, help="unique on the platform; in its URL"
        )
        parser.add_argument(
            "--security-profile",
            type=int,
            required=True,
            choices=range(4),
            help="0 none, 1 password, 2 password over TLS, 3 client certificate",
        )
        parser.add_argument(
            "--password", help="16 to 40 characters; one is made when left out"
        )
        parser.add_argument(
            "--evses", type=int, default=1, help="with a connector each"
        )
        parser.add_argument(
            "--ocpp", choices=["1.6", "2.0.1"], default="", help="as expected"
        )
        parser.add_argument(
            "--power-w", type=int, default=0, help="largest power of a connector"
        )
        parser.add_argument("--connector-type", default="", help="as in OCPI")
        parser.add_argument("--site", default="Main site", help="made when missing")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Create it."""
        created = create_charge_point(
            wanted=NewChargePoint(
                operator_code=options["operator"],
                identity=options["identity"],
                security_profile=options["security_profile"],
                password=options["password"],
                evses=options["evses"],
                ocpp_version=options["ocpp"],
                max_power_w=options["power_w"],
                connector_type=options["connector_type"],
                site=options["site"],
            ),
            by="manage.py",
            at=timezone.now(),
        )
        return {
            "id": created.charge_point_id,
            "identity": created.identity,
            "operator": options["operator"],
            "security_profile": options["security_profile"],
            "password": created.password,
            "connector_codes": list(created.connector_codes),
        }
