"""``manage.py split_statement``: what the parties of an operator's splits got."""

import json
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cpms.accounts.management.base import refused
from cpms.accounts.models import Operator
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError
from settlement.exports import statement
from settlement.services.statements import Period


class UnableToFindOperator(DomainError):
    """There is no such operator."""


class UnableToShowPeriod(DomainError):
    """It ends before it begins."""


class Command(BaseCommand):
    """Print a statement of a period as CSV or JSON."""

    help = "Print what each party of an operator's splits got in a period."

    def add_arguments(self, parser: CommandParser) -> None:
        """Operator, period, party, format."""
        parser.add_argument("--operator", required=True, help="its code")
        parser.add_argument("--from", dest="starts", required=True, help="YYYY-MM-DD")
        parser.add_argument(
            "--until", dest="ends", required=True, help="YYYY-MM-DD, exclusive"
        )
        parser.add_argument("--party", default="", help="only this party")
        parser.add_argument("--format", choices=["csv", "json"], default="csv")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print."""
        operator = Operator.objects.filter(code=options["operator"]).first()
        if operator is None:
            raise refused(
                UnableToFindOperator(
                    "unknown_operator",
                    f"There is no operator with the code {options['operator']!r}.",
                )
            )
        starts_at, ends_at = _day(options["starts"]), _day(options["ends"])
        if ends_at <= starts_at:
            raise refused(
                UnableToShowPeriod(
                    "period_invalid",
                    f"--until {ends_at:%Y-%m-%d} is the first day after the period; "
                    f"give one later than --from {starts_at:%Y-%m-%d}.",
                )
            )
        period = Period(operator.pk, starts_at, ends_at, options["party"])
        with acting_for([operator.pk]):
            if options["format"] == "json":
                self.stdout.write(json.dumps(statement.as_json(period)))
                return
            for row in statement.as_csv(period):
                self.stdout.write(row, ending="")


def _day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no date YYYY-MM-DD.", returncode=2) from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
