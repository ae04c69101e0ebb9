"""``manage.py create_split_agreement``: who gets what of an operator's revenue."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from settlement.services.splits import Agreement, Party, UnableToAgreeSplit, agree

PARTY_FIELDS = tuple(field.name for field in fields(Party))


class Command(DomainCommand):
    """Agree on a split from now on."""

    help = (
        "Agree on a split of an operator's revenue, of all its charge points, of a "
        "site's or of one's, from now on or in a period. FILE is a JSON list "
        f"of parties with the fields {', '.join(PARTY_FIELDS)}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the operator and the file of parties."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument("--file", required=True, type=Path)
        parser.add_argument("--name", default="Split agreement")
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--site", type=int, help="only this site (its number)")
        place.add_argument(
            "--charge-point", default="", help="only this charge point (its identity)"
        )
        parser.add_argument(
            "--from", dest="starts", help="YYYY-MM-DD, in UTC (default: now)"
        )
        parser.add_argument(
            "--until",
            dest="ends",
            help="YYYY-MM-DD, in UTC, exclusive (default: until the next one)",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Write it."""
        operator = Operator.objects.filter(code=options["operator"]).first()
        if operator is None:
            raise UnableToAgreeSplit(
                "unknown_operator",
                f"There is no operator with the code {options['operator']!r}.",
            )
        now = timezone.now()
        agreement = Agreement(
            operator_id=operator.pk,
            site_id=options["site"],
            charge_point=options["charge_point"],
            name=options["name"],
            parties=_parties(options["file"]),
            valid_from=_day(options["starts"]) or now,
            valid_until=_day(options["ends"]),
        )
        row = agree(agreement, by="manage.py", at=now)
        return {"id": row.pk, "operator": operator.code, "name": options["name"]}


def _day(text: str | None) -> datetime | None:
    try:
        return (
            None
            if text is None
            else datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        )
    except ValueError as error:
        raise CommandError(f"{text!r} is no date YYYY-MM-DD.", returncode=2) from error


def _parties(path: Path) -> tuple[Party, ...]:
    try:
        return tuple(Party(**entry) for entry in json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UnableToAgreeSplit(
            "split_unreadable",
            f"{path} is not a JSON list of parties with {', '.join(PARTY_FIELDS)}: "
            f"{error}",
        ) from error
