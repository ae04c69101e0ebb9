"""``manage.py create_tariff``: an OCPI tariff and where it applies."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from billing.services.tariffs import (
    TARIFF_BYTES_MAX,
    Reach,
    UnableToAssignTariff,
    UnableToSaveTariff,
    assign,
    save_tariff,
)
from charge_points.queries import charge_point_list
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
            reach=Reach(charge_point=_charge_point(operator, options["charge_point"])),
            starts_at=now,
            by="manage.py",
        )
        return {"id": tariff.pk, "code": tariff.code, "assignment": row.pk}


def _charge_point(operator: Operator, identity: str) -> str:
    if identity and not charge_point_list([operator.pk], identity=identity):
        raise UnableToAssignTariff(
            "unknown_charge_point",
            f"Operator {operator.code} has no charge point {identity!r}.",
        )
    return identity


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(TARIFF_BYTES_MAX + 1)
        value = json.loads(raw[:TARIFF_BYTES_MAX])
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if len(raw) > TARIFF_BYTES_MAX:
        raise _unreadable(path, f"more than {TARIFF_BYTES_MAX} bytes")
    if not isinstance(value, dict):
        raise _unreadable(path, "not a JSON object")
    return value


def _unreadable(path: Path, why: str) -> UnableToSaveTariff:
    return UnableToSaveTariff("tariff_unreadable", f"{path}: {why}")
