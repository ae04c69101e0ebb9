"""``manage.py create_id_token``."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from charge_points.services.id_tokens import STATUSES, UnableToPutPolicy, put_policy
from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Driver, Operator


class Command(DomainCommand):
    """Write the start policy of a token."""

    help = (
        "Write what a token (RFID card, app token, eMAID) may do. "
        "Exit codes: 0 done, 1 refused, 2 wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the fields of a policy."""
        super().add_arguments(parser)
        parser.add_argument("--token", required=True)
        parser.add_argument("--status", required=True, help=f"one of {STATUSES}")
        parser.add_argument("--group", default="", help="parentIdTag / groupIdToken")
        parser.add_argument("--expires", help="ISO 8601; UTC when it has no zone")
        parser.add_argument("--operator", help="its code; left out: at all operators")
        parser.add_argument("--driver", help="email of the account that pays")

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Write it."""
        operator = _operator(options["operator"])
        driver = _driver(options["driver"])
        row = put_policy(
            token=options["token"],
            status=options["status"],
            operator_id=None if operator is None else operator.pk,
            group=options["group"],
            expires_at=_instant(options["expires"]),
            driver_id=None if driver is None else driver.pk,
            account_state=_account_state(driver),
            at=timezone.now(),
        )
        return {
            "id": row.pk,
            "token": row.token,
            "status": row.status,
            "operator": options["operator"],
            "driver": options["driver"],
            "group": row.group_id,
            "expires_at": None
            if row.expires_at is None
            else row.expires_at.isoformat(),
            "account_state": row.account_state,
        }


def _operator(code: str | None) -> Operator | None:
    if code is None:
        return None
    found = Operator.objects.filter(code=code).first()
    if found is None:
        raise UnableToPutPolicy(
            "unknown_operator", f"There is no operator with the code {code!r}."
        )
    return found


def _driver(email: str | None) -> Driver | None:
    if email is None:
        return None
    found = Driver.objects.filter(email__iexact=email).first()
    if found is None:
        raise UnableToPutPolicy(
            "unknown_driver", f"There is no driver with the address {email!r}."
        )
    return found


def _account_state(driver: Driver | None) -> str:
    if driver is None:
        return "none"
    return "ok" if driver.can_pay else "blocked"


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"--expires {text!r} is no ISO 8601 time, such as 2030-12-31T23:59:59Z.",
            returncode=2,
        ) from error
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
