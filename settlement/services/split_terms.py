"""Splits that an operator agrees with others: the platform's part stays as it is.

The platform's fee is agreed between platform and operator, so an operator alone can
neither lower nor raise it; sharing the rest with hosts and suppliers is its own matter.
"""

from datetime import datetime
from typing import Final

from django.db import transaction

from settlement.models import SplitAgreement
from settlement.services.splits import (
    PLATFORM,
    Agreement,
    Party,
    UnableToAgreeSplit,
    agree,
    in_force,
    parties_of,
)

AGREEMENTS_MAX: Final = 1_000
"""Agreements of one operator; more is a program that runs wild."""


@transaction.atomic
def agree_as_operator(agreement: Agreement, *, by: str, at: datetime) -> SplitAgreement:
    """Put an agreement in force that leaves the platform's part alone.

    Args:
        agreement: begins now or later.
        by: who decides, for the operator.
        at: now.

    Raises:
        UnableToAgreeSplit: as ``agree``; or it begins in the past, or the platform
            would get something else than by the agreement that it replaces.
    """
    if agreement.valid_from < at:
        raise UnableToAgreeSplit(
            "split_in_the_past",
            f"The agreement would begin at {agreement.valid_from:%Y-%m-%d %H:%M}Z, "
            "which is past; what was sold stays as it is. State a later begin, or "
            "none: then it begins now.",
        )
    rows = SplitAgreement.objects.filter(operator_id=agreement.operator_id)
    if rows.count() >= AGREEMENTS_MAX:
        raise UnableToAgreeSplit(
            "too_many_agreements",
            f"An operator has at most {AGREEMENTS_MAX} agreements; ask the platform.",
        )
    wanted = platform_part(agreement.parties)
    replaced = platform_part_at(
        operator_id=agreement.operator_id,
        site_id=agreement.site_id,
        charge_point=agreement.charge_point,
        at=agreement.valid_from,
    )
    if wanted != replaced:
        raise UnableToAgreeSplit(
            "platform_part_changed",
            f"The platform's part would be {_words(wanted)}, but {_words(replaced)} "
            "is agreed; only the platform can change it. State it as it is.",
        )
    return agree(agreement, by=by, at=at)


def platform_part(parties: tuple[Party, ...]) -> Party | None:
    """The platform's own party; None where it gets nothing."""
    return next((party for party in parties if party.role == PLATFORM), None)


def platform_part_at(
    *, operator_id: int, site_id: int | None, charge_point: str, at: datetime
) -> Party | None:
    """What the platform gets by the agreement that is in force there and then."""
    row = in_force(
        operator_id=operator_id, site_id=site_id, charge_point=charge_point, at=at
    )
    return None if row is None else platform_part(parties_of(row))


def _words(party: Party | None) -> str:
    if party is None:
        return "nothing"
    words = (
        f"{party.basis_points} basis points and {party.fixed_minor} (as "
        f"{party.key} {party.name!r})"
    )
    if party.min_minor is not None:
        words += f", at least {party.min_minor}"
    if party.max_minor is not None:
        words += f", at most {party.max_minor}"
    return words
