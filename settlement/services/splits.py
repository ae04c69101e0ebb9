"""Who gets what of a charge: agreements, their snapshots, and the division."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, ClassVar, Final, Self

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from cpms.accounts.models import Operator
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from settlement.models import SplitAgreement, SplitParty
from settlement.services import platform_parts

ALL_BASIS_POINTS: Final = 10_000
PARTIES_MAX: Final = 20
OPERATOR: Final = SplitParty.Role.OPERATOR.value
PLATFORM: Final = SplitParty.Role.PLATFORM.value


class UnableToAgreeSplit(DomainError):
    """A split agreement that does not add up."""

    http_status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Party:
    """One party's claim: basis points of the amount plus a fixed sum, clamped.

    The operator's own party takes what is left; its numbers only document.
    """

    key: str
    name: str
    role: str
    basis_points: int = 0
    fixed_minor: int = 0
    min_minor: int | None = None
    max_minor: int | None = None

    def claim(self, amount_minor: int) -> Fraction:
        """What the party asks of an amount, exact."""
        asked = self.fixed_minor + Fraction(
            amount_minor * self.basis_points, ALL_BASIS_POINTS
        )
        if self.min_minor is not None:
            asked = max(asked, Fraction(self.min_minor))
        if self.max_minor is not None:
            asked = min(asked, Fraction(self.max_minor))
        return asked


SOLE_OPERATOR: Final = (Party("operator", "Operator", OPERATOR, ALL_BASIS_POINTS),)
"""Without an agreement everything is the operator's."""


@dataclass(frozen=True, slots=True)
class SplitSnapshot:
    """An agreement as it was when the order was made; JSON-able by ``asdict``."""

    agreement_id: int | None
    parties: tuple[Party, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` made; an empty mapping = no agreement."""
        parties = tuple(Party(**party) for party in data.get("parties", ()))
        return cls(data.get("agreement_id"), parties or SOLE_OPERATOR)


@dataclass(frozen=True, slots=True)
class SplitShare:
    """A party's part of an amount; ``position`` is the order in which ties break."""

    position: int
    key: str
    name: str
    role: str
    amount_minor: int


def allocate(amount_minor: int, parties: Sequence[Party]) -> tuple[SplitShare, ...]:
    """Divide an amount so that the shares add up to it exactly.

    Claims are served in the parties' order from what is there, the operator takes
    the rest; the exact parts are rounded by the largest remainder, ties in the
    parties' order. Pure.

    Args:
        amount_minor: >= 0. Nothing divides into nothing, fixed sums included.
        parties: exactly one of them is the operator.

    Raises:
        ValueError: a negative amount, or not exactly one operator.
    """
    if amount_minor < 0:
        raise ValueError(f"Cannot divide {amount_minor} minor units.")
    if sum(party.role == OPERATOR for party in parties) != 1:
        raise ValueError("A split has exactly one operator.")
    exact = _exact(amount_minor, parties)
    floors = [int(part) for part in exact]
    by_remainder = sorted(range(len(parties)), key=lambda i: (floors[i] - exact[i], i))
    for index in by_remainder[: amount_minor - sum(floors)]:
        floors[index] += 1
    return tuple(
        SplitShare(position, party.key, party.name, party.role, share)
        for position, (party, share) in enumerate(zip(parties, floors, strict=True))
    )


def _exact(amount_minor: int, parties: Sequence[Party]) -> list[Fraction]:
    left = Fraction(amount_minor)
    parts: list[Fraction] = []
    for party in parties:
        part = Fraction(0)
        if party.role != OPERATOR:
            part = min(party.claim(amount_minor), left)
        left -= part
        parts.append(part)
    index = next(i for i, party in enumerate(parties) if party.role == OPERATOR)
    parts[index] = left
    return parts


def platform_fee(amount_minor: int, parties: Sequence[Party]) -> int:
    """The platform's share: what the provider takes as application fee."""
    return sum(
        share.amount_minor
        for share in allocate(amount_minor, parties)
        if share.role == PLATFORM
    )


def snapshot(
    *, operator_id: int, site_id: int | None, at: datetime, charge_point: str = ""
) -> SplitSnapshot:
    """What is in force there (see ``in_force``); without any all is the operator's."""
    agreement = in_force(
        operator_id=operator_id, site_id=site_id, charge_point=charge_point, at=at
    )
    if agreement is None:
        return SplitSnapshot(None, SOLE_OPERATOR)
    return SplitSnapshot(agreement.pk, parties_of(agreement))


def in_force(
    *, operator_id: int, site_id: int | None, charge_point: str, at: datetime
) -> SplitAgreement | None:
    """The agreement that divides a charge that is sold at ``at``.

    That of the charge point before that of its site before that of the operator;
    among those the one that began last.
    """
    here = Q(charge_point="") & (Q(site_id__isnull=True) | Q(site_id=site_id))
    if charge_point:
        here |= Q(charge_point=charge_point)
    return (
        SplitAgreement.objects.filter(operator_id=operator_id, valid_from__lte=at)
        .filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at))
        .filter(here)
        .order_by("-charge_point", F("site_id").asc(nulls_last=True), "-valid_from")
        .prefetch_related("parties")
        .first()
    )


def parties_of(agreement: SplitAgreement) -> tuple[Party, ...]:
    """The parties of an agreement, in their order."""
    return tuple(
        Party(
            key=row.key,
            name=row.name,
            role=row.role,
            basis_points=row.basis_points,
            fixed_minor=row.fixed_minor,
            min_minor=row.min_minor,
            max_minor=row.max_minor,
        )
        for row in agreement.parties.all()
    )


def check_parties(parties: Sequence[Party]) -> None:
    """Refuse parties that cannot divide a charge.

    Raises:
        UnableToAgreeSplit: says which rule is broken and how to mend it.
    """
    operators = [party for party in parties if party.role == OPERATOR]
    platforms = [party for party in parties if party.role == PLATFORM]
    if len(operators) != 1 or len(platforms) > 1:
        raise _refusal("A split needs exactly one operator and at most one platform.")
    if len({party.key for party in parties}) != len(parties):
        raise _refusal("Each party of a split needs a key of its own.")
    if len(parties) > PARTIES_MAX:
        raise _refusal(f"A split has at most {PARTIES_MAX} parties.")
    total = sum(party.basis_points for party in parties)
    own = operators[0].basis_points
    if total - own > ALL_BASIS_POINTS or (own and total != ALL_BASIS_POINTS):
        raise _refusal(
            f"The basis points add up to {total}; they must be "
            f"{ALL_BASIS_POINTS} (or leave the operator's own at 0: it takes the rest)."
        )


def _refusal(message: str) -> UnableToAgreeSplit:
    return UnableToAgreeSplit("split_invalid", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What is agreed. ``valid_until`` is exclusive; None = until the next one.

    For a charge point (its identity), a site, or, without either, the whole operator.
    """

    operator_id: int
    site_id: int | None
    name: str
    parties: tuple[Party, ...]
    valid_from: datetime
    valid_until: datetime | None = None
    charge_point: str = ""


def lock_agreements(operator_id: int) -> None:
    """One after the other: each is checked against those that were agreed before."""
    Operator.objects.select_for_update(no_key=True).filter(pk=operator_id).first()


def _require_none_outlives(agreement: Agreement) -> None:
    older = platform_parts.outliving(agreement)
    if not older:
        return
    named = ", ".join(
        map(platform_parts.place_words, older[: platform_parts.NAMED_MAX])
    )
    more = len(older) - platform_parts.NAMED_MAX
    raise UnableToAgreeSplit(
        "platform_part_outlived",
        f"The platform's part changes, but {named}{f' and {more} more' * (more > 0)} "
        "would keep the old one. Agree for these places first, from the same instant "
        f"({agreement.valid_from.isoformat()}), with the part that is meant there.",
    )


@transaction.atomic
def agree(agreement: Agreement, *, by: str, at: datetime) -> SplitAgreement:
    """Put an agreement in force.

    The open one of the same place ends where an open one begins; one with an end only
    steps in between.

    Raises:
        UnableToAgreeSplit: the parties do not add up, a number is out of range, an
            agreement begins at the same instant, or the platform's part changes and
            narrower agreements would keep the old one.
    """
    check_parties(agreement.parties)
    lock_agreements(agreement.operator_id)
    _require_none_outlives(agreement)
    if agreement.charge_point and agreement.site_id is not None:
        raise _refusal(
            "An agreement is for a site or for a charge point, not for both: leave "
            "one of them out."
        )
    place = {
        "operator_id": agreement.operator_id,
        "site_id": agreement.site_id,
        "charge_point": agreement.charge_point,
    }
    if agreement.valid_until is None:
        SplitAgreement.objects.filter(
            **place, valid_from__lt=agreement.valid_from, valid_until__isnull=True
        ).update(valid_until=agreement.valid_from)
    try:
        with transaction.atomic():
            row = _write(agreement, at)
    except IntegrityError as error:
        raise _refusal(
            "The agreement breaks a rule: amounts are >= 0, basis points <= 10000, "
            "min <= max, the end is after the beginning, and only one agreement "
            "begins at an instant."
        ) from error
    audit.record(
        operator_id=agreement.operator_id,
        actor=by,
        action="split.agreed",
        object=f"split agreement {row.pk}",
        changes={
            "name": agreement.name,
            "site_id": agreement.site_id,
            "charge_point": agreement.charge_point,
            "valid_from": str(agreement.valid_from),
            "valid_until": str(agreement.valid_until or ""),
            "parties": {
                p.key: [p.basis_points, p.fixed_minor] for p in agreement.parties
            },
        },
        at=at,
    )
    return row


def _write(agreement: Agreement, at: datetime) -> SplitAgreement:
    row = SplitAgreement.objects.create(
        operator_id=agreement.operator_id,
        site_id=agreement.site_id,
        charge_point=agreement.charge_point,
        name=agreement.name,
        valid_from=agreement.valid_from,
        valid_until=agreement.valid_until,
        created_at=at,
    )
    SplitParty.objects.bulk_create(
        SplitParty(
            operator_id=agreement.operator_id,
            agreement=row,
            position=position,
            key=party.key,
            name=party.name,
            role=party.role,
            basis_points=party.basis_points,
            fixed_minor=party.fixed_minor,
            min_minor=party.min_minor,
            max_minor=party.max_minor,
        )
        for position, party in enumerate(agreement.parties)
    )
    return row
