"""Who owned a charge point when; only sold ones have a history."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from charge_points.models import ChargePointOwnership


@dataclass(frozen=True, slots=True)
class OwnedSpan:
    """``[owned_from, owned_until)``; the last one of an identity has no end."""

    operator_id: int
    owned_from: datetime
    owned_until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether the operator owned it then."""
        begun = self.owned_from <= at
        return begun and (self.owned_until is None or at < self.owned_until)


def owners_of(identities: Collection[str]) -> dict[str, list[OwnedSpan]]:
    """The owners of charge points that were ever sold, oldest first, in one statement.

    Args:
        identities: as printed on orders.
    """
    rows = ChargePointOwnership.objects.filter(identity__in=identities)
    found: dict[str, list[OwnedSpan]] = {}
    for row in rows.order_by("identity", "owned_from"):
        span = OwnedSpan(row.operator_id, row.owned_from, row.owned_until)
        found.setdefault(row.identity, []).append(span)
    return found
