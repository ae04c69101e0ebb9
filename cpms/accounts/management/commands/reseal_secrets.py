"""``manage.py reseal_secrets``."""

from typing import Any

from django.core.management.base import CommandParser

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.services import resealing
from cpms.accounts.tenancy import acting_as_platform


class Command(DomainCommand):
    """Seal everything that is sealed with the present key."""

    help = (
        "Seal all secrets at rest with KEY_ENCRYPTION_KEY; what is sealed with a key "
        "of KEY_ENCRYPTION_KEYS_FORMER can still be read. Stopped in the middle, start "
        "it again. See docs/explanation/public-keys.md. Exit codes: 0 all is under the "
        "present key, 1 something is not, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say whether anything is changed."""
        super().add_arguments(parser)
        parser.add_argument(
            "--check", action="store_true", help="change nothing, only count"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do it; what cannot be read or is left makes it a refusal."""
        is_dry = bool(options["check"])
        with acting_as_platform("the key of secrets at rest is changed"):
            report = resealing.reseal_all(dry=is_dry)
        left = report.unreadable + (report.resealed if is_dry else 0)
        if left:
            names = ", ".join(report.unreadable_rows) or "see the columns"
            raise resealing.UnableToReseal(
                "sealed_with_another_key",
                f"{left} values are not under the present key ({names}); "
                f"{report.resealed} {'could be' if is_dry else 'were'} sealed anew. "
                "Run it without --check, with every former key in "
                "KEY_ENCRYPTION_KEYS_FORMER.",
            )
        return {
            "resealed": report.resealed,
            "current": report.current,
            "unreadable": report.unreadable,
            "columns": report.columns,
        }
