"""``manage.py contract_root``."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from charge_points.services import contract_roots
from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator


class Command(DomainCommand):
    """Say whose contract certificates are believed."""

    help = (
        "Trust a root of ISO 15118 contract certificates (PEM), or no more. "
        "Exit codes: 0 done, 1 refused, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name what is added or taken away."""
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--add", type=Path, metavar="FILE", help="one CA, PEM")
        what.add_argument("--remove", metavar="FINGERPRINT", help="SHA-256")
        parser.add_argument("--operator", help="its code; left out: at all operators")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Add or remove it."""
        operator_id = _operator_id(options["operator"])
        if options["remove"]:
            fingerprint = options["remove"].lower()
            contract_roots.remove(
                fingerprint=fingerprint,
                operator_id=operator_id,
                by="manage.py",
                at=timezone.now(),
            )
            return {"fingerprint": fingerprint, "subject": "", "trusted": False}
        row = contract_roots.add(
            pem=_text_of(options["add"]),
            operator_id=operator_id,
            by="manage.py",
            at=timezone.now(),
        )
        return {
            "fingerprint": row.fingerprint,
            "subject": row.subject,
            "trusted": True,
        }


def _operator_id(code: str | None) -> int | None:
    if code is None:
        return None
    found = Operator.objects.filter(code=code).first()
    if found is None:
        raise contract_roots.UnableToFindRoot(
            "unknown_operator", f"There is no operator with the code {code!r}."
        )
    return found.pk


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}.", returncode=2) from error
