"""``manage.py create_tariff``: an OCPI tariff and where it applies."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from billing.services.tariffs import (
    TARIFF_BYTES_MAX,
    UnableToSaveTariff,
    assign,
    save_tariff,
)
from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator


class Command(DomainCommand):
    """Save a tariff and assign it."""

    help = "Save an OCPI tariff (2.2.1 or 2.3.0) of an operator and assign it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the operator, the file and the place."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument("--file", required=True, type=Path, help="OCPI tariff JSON")
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--charge-point", default="", help="only there (default: everywhere)"
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Save and assign."""
        operator = Operator.objects.filter(code=options["operator"]).first()
        if operator is None:
            raise UnableToSaveTariff(
                "unknown_operator",
                f"There is no operator with the code {options['operator']!r}.",
            )
        now = timezone.now()
        tariff = save_tariff(
            operator_id=operator.pk,
            ocpi=_read(options["file"]),
            name=options["name"],
            by="manage.py",
            at=now,
        )
        row = assign(
            tariff=tariff,
            charge_point=options["charge_point"],
            starts_at=now,
            by="manage.py",
        )
        return {"id": tariff.pk, "code": tariff.code, "assignment": row.pk}


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
        if len(text) > TARIFF_BYTES_MAX:
            raise ValueError(f"more than {TARIFF_BYTES_MAX} characters")
        value = json.loads(text)
    except (OSError, ValueError) as error:
        raise UnableToSaveTariff("tariff_unreadable", f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise UnableToSaveTariff("tariff_unreadable", f"{path}: not a JSON object")
    return value
