"""Choosing many charge points of one operator: by name, or by what they are."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from charge_points.models import ChargePoint
from cpms.kernel.errors import DomainError

SELECTED_MAX: Final = 2_000
"""Charge points that one command or one campaign may reach."""
NAMED_MAX: Final = 20
"""Charge points that an error names; of the rest it gives the number."""


class UnableToSelect(DomainError):
    """The selection is not one of charge points of one operator."""

    http_status = 422


@dataclass(frozen=True, slots=True)
class Selection:
    """Either identities, or a filter of which every given part must fit."""

    identities: tuple[str, ...] = ()
    site: str = ""
    ocpp_version: str = ""
    vendor: str = ""
    model: str = ""

    def as_json(self) -> dict[str, Any]:
        """Only what was given, for the record."""
        found = {name: value for name, value in asdict(self).items() if value}
        if self.identities:
            found["identities"] = list(self.identities)
        return found


def named(identities: Sequence[str]) -> str:
    """Identities for people, not more than fit into a sentence."""
    shown = ", ".join(identities[:NAMED_MAX])
    more = len(identities) - NAMED_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def stations_of(
    operator_ids: Sequence[int], selection: Selection
) -> tuple[ChargePoint, ...]:
    """The selected charge points, by identity.

    Raises:
        UnableToSelect: names that are not theirs, nothing or too much selected, or
            charge points of several operators.
    """
    rows = ChargePoint.objects.filter(operator_id__in=operator_ids)
    if selection.identities:
        rows = rows.filter(identity__in=selection.identities)
    fitting = {
        "site__name": selection.site,
        "ocpp_version": selection.ocpp_version,
        "vendor__iexact": selection.vendor,
        "model__iexact": selection.model,
    }
    rows = rows.filter(**{name: value for name, value in fitting.items() if value})
    found = tuple(rows.order_by("identity")[: SELECTED_MAX + 1])
    missing = sorted(set(selection.identities) - {row.identity for row in found})
    if missing and len(found) <= SELECTED_MAX:
        raise UnableToSelect(
            "unknown_charge_points",
            f"You have no such charge points: {named(missing)}.",
            charge_points=missing[:NAMED_MAX],
        )
    return checked(found)


def checked(found: Sequence[ChargePoint]) -> tuple[ChargePoint, ...]:
    """Charge points that were chosen already, if they may be reached together.

    Raises:
        UnableToSelect: nothing, too much, or of several operators.
    """
    if not found:
        raise UnableToSelect(
            "nothing_selected", "No charge point fits; name others, or ask for less."
        )
    if len(found) > SELECTED_MAX:
        raise UnableToSelect(
            "too_many_selected",
            f"More than {SELECTED_MAX} charge points fit; select fewer at a time.",
        )
    if len({row.operator_id for row in found}) > 1:
        raise UnableToSelect(
            "several_operators",
            "These charge points belong to several operators; select those of one.",
        )
    return tuple(found)
