"""``manage.py secure_charge_point``."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from charge_points.models import ChargePoint
from charge_points.services import provisioning, security_profiles
from cpms.accounts.management.base import DomainCommand


class Command(DomainCommand):
    """Raise a charge point's security profile, or change its password."""

    help = (
        "Raise a charge point's security profile, or change its password by command. "
        "What was before counts until the charge point has come back with what is "
        "new. Exit codes: 0 done, 1 refused, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name what changes."""
        super().add_arguments(parser)
        parser.add_argument("--identity", required=True, help="of the charge point")
        change = parser.add_mutually_exclusive_group(required=True)
        change.add_argument(
            "--security-profile", type=int, choices=range(1, 4), help="a higher one"
        )
        change.add_argument(
            "--new-password",
            action="store_true",
            help="make one and tell it to the charge point",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Change it."""
        identity = options["identity"]
        row = ChargePoint.objects.filter(identity=identity).first()
        if row is None:
            raise provisioning.UnableToFindChargePoint(
                "unknown_charge_point", f"There is no charge point {identity!r}."
            )
        now = timezone.now()
        if options["new_password"]:
            security_profiles.change_password(
                charge_point_id=row.pk, by="manage.py", at=now
            )
        else:
            row = security_profiles.raise_profile(
                charge_point_id=row.pk,
                security_profile=options["security_profile"],
                by="manage.py",
                at=now,
            )
        return {
            "id": row.pk,
            "identity": identity,
            "security_profile": row.security_profile,
            "security_profile_next": row.security_profile_next,
        }
