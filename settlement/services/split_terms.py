"""Splits that an operator agrees with others: the platform's part stays as it is.

The platform's fee is agreed between platform and operator, so an operator alone can
neither lower nor raise it; sharing the rest with hosts and suppliers is its own matter.
"""

from datetime import datetime
from typing import Final

from django.db import transaction

from settlement.models import SplitAgreement
from settlement.services import platform_parts
from settlement.services.splits import (
    Agreement,
    UnableToAgreeSplit,
    agree,
    lock_agreements,
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
            would at some time get something else than without it.
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
    lock_agreements(agreement.operator_id)
    other = platform_parts.otherwise(agreement)
    if other is not None:
        raise _refusal(agreement, other)
    return agree(agreement, by=by, at=at)


def _refusal(
    agreement: Agreement, other: platform_parts.Otherwise
) -> UnableToAgreeSplit:
    wanted = platform_parts.words(platform_parts.of_parties(agreement.parties))
    by = platform_parts.place_words(other.by)
    if other.at > agreement.valid_from:
        since = other.at.isoformat()
        return UnableToAgreeSplit(
            "platform_part_outlived",
            f"The platform's part would still be {wanted} when it is "
            f"{platform_parts.words(other.part)} by {by}, from {since} on. Let the "
            "agreement end then, and agree on another one from then on.",
        )
    return UnableToAgreeSplit(
        "platform_part_changed",
        f"The platform's part would be {wanted}, but "
        f"{platform_parts.words(other.part)} is agreed by {by}; only the platform can "
        "change it. State it as it is.",
    )
