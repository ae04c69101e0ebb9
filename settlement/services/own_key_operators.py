"""Operators that are paid with a key of their own, as drivers know them.

A card saved on such an account works there and nowhere else, so a driver sees it by the
operator's name.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cpms.accounts.tenancy import acting_as_platform
from settlement.models import PayeeAccount

SHOWN_MAX: Final = 100
"""Of more a driver comes to know by their stations."""


@dataclass(frozen=True, slots=True)
class OwnKeyOperator:
    """Whom a card is for: the code names it in the API, the name on pages."""

    code: str
    name: str


def of_accounts(references: Collection[str]) -> dict[str, OwnKeyOperator]:
    """The operators of these provider accounts."""
    if not references:
        return {}
    with acting_as_platform("operators' names are public"):
        found = PayeeAccount.objects.filter(
            reference__in=references, mode=PayeeAccount.Mode.OWN_KEY
        ).values_list("reference", "operator__code", "operator__name")
        return {key: OwnKeyOperator(code, name) for key, code, name in found}


def all_of_them() -> list[OwnKeyOperator]:
    """Operators at which a card can be saved, by name; at most ``SHOWN_MAX``."""
    with acting_as_platform("operators' names are public"):
        found = (
            PayeeAccount.objects.filter(
                mode=PayeeAccount.Mode.OWN_KEY, is_default=True, charges_enabled=True
            )
            .order_by("operator__name", "operator__code")
            .values_list("operator__code", "operator__name")
            .distinct()[:SHOWN_MAX]
        )
        return [OwnKeyOperator(code, name) for code, name in found]
