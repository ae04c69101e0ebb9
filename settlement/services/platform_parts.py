"""The platform's part of splits over time: what an agreement would leave behind.

The most specific agreement divides a charge, so one of a site or of a charge point can
outlive what platform and operator agree on for the whole operator. Nobody may gain by
that unseen: an operator agrees only on periods in which the platform gets the same, and
what the platform agrees on names the narrower agreements that would keep the old part.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from settlement.models import SplitAgreement, SplitParty

if TYPE_CHECKING:
    from settlement.services.splits import Agreement, Party

NAMED_MAX: Final = 5

Place = tuple[int | None, str]
"""(site, charge point); (None, "") = the whole operator."""

EVERYWHERE: Final[Place] = (None, "")


@dataclass(frozen=True, slots=True)
class Part:
    """What the platform gets of a charge."""

    key: str
    name: str
    basis_points: int
    fixed_minor: int
    min_minor: int | None
    max_minor: int | None

    def words(self) -> str:
        """For a person who has to state it."""
        text = (
            f"{self.basis_points} basis points and {self.fixed_minor} (as {self.key} "
            f"{self.name!r})"
        )
        if self.min_minor is not None:
            text += f", at least {self.min_minor}"
        if self.max_minor is not None:
            text += f", at most {self.max_minor}"
        return text


@dataclass(frozen=True, slots=True)
class Otherwise:
    """When and by which agreement the platform gets another part."""

    at: datetime
    by: SplitAgreement | None
    part: Part | None


def of_parties(parties: Iterable["Party | SplitParty"]) -> Part | None:
    """The platform's part of a split; None where it gets nothing."""
    for party in parties:
        if party.role == SplitParty.Role.PLATFORM:
            return Part(
                party.key,
                party.name,
                party.basis_points,
                party.fixed_minor,
                party.min_minor,
                party.max_minor,
            )
    return None


def words(part: Part | None) -> str:
    """A part for people."""
    return "nothing" if part is None else part.words()


def place_words(row: SplitAgreement | None) -> str:
    """An agreement for people: its name and where it holds."""
    if row is None:
        return "no agreement"
    where = "everywhere"
    if row.charge_point:
        where = f"charge point {row.charge_point}"
    elif row.site_id is not None:
        where = f"site {row.site_id}"
    return f"{row.name!r} ({where})"


def otherwise(agreement: "Agreement") -> Otherwise | None:
    """When the platform would get something else than by this agreement, first.

    Of a charge point the site is not known here: all sites' agreements count.
    """
    rows = _overlapping(agreement)
    wanted = of_parties(agreement.parties)
    place = _place(agreement)
    for at in _moments(rows, agreement):
        holders = _holders(rows, at)
        known = holders.get(place)
        if known is not None and known.valid_from > agreement.valid_from:
            # It takes over from the wanted one then.
            continue
        for row in [known] if known is not None else _wider(holders, place):
            part = None if row is None else of_parties(row.parties.all())
            if part != wanted:
                return Otherwise(at, row, part)
    return None


def outliving(agreement: "Agreement") -> list[SplitAgreement]:
    """Narrower agreements that would keep the part which this one changes.

    Those that begin at the same instant were agreed on with this one in mind, and say
    what they mean. Of a charge point the site is not known here: those of all charge
    points are narrower than one of a site.
    """
    place = _place(agreement)
    if agreement.charge_point:
        return []
    rows = _overlapping(agreement)
    first = _holders(rows, agreement.valid_from)
    before = first.get(place, first.get(EVERYWHERE))
    old = None if before is None else of_parties(before.parties.all())
    if old == of_parties(agreement.parties):
        return []
    found: dict[int, SplitAgreement] = {}
    for at in _moments(rows, agreement):
        for (site_id, charge_point), row in _holders(rows, at).items():
            narrower = charge_point or (place == EVERYWHERE and site_id is not None)
            older = row.valid_from < agreement.valid_from
            if narrower and older and of_parties(row.parties.all()) == old:
                found[row.pk] = row
    return list(found.values())


def _place(row: "Agreement | SplitAgreement") -> Place:
    return (row.site_id, row.charge_point)


def _overlapping(agreement: "Agreement") -> list[SplitAgreement]:
    rows = SplitAgreement.objects.filter(operator_id=agreement.operator_id).filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=agreement.valid_from)
    )
    if agreement.valid_until is not None:
        rows = rows.filter(valid_from__lt=agreement.valid_until)
    return list(rows.order_by("valid_from").prefetch_related("parties"))


def _moments(
    rows: Sequence[SplitAgreement], agreement: "Agreement"
) -> Sequence[datetime]:
    """Its begin, and when another agreement begins or ends while it holds."""
    ends = [row.valid_until for row in rows if row.valid_until is not None]
    changes = {*(row.valid_from for row in rows), *ends}
    begin, end = agreement.valid_from, agreement.valid_until
    later = {at for at in changes if at > begin and (end is None or at < end)}
    return sorted({begin, *later})


def _holders(
    rows: Sequence[SplitAgreement], at: datetime
) -> dict[Place, SplitAgreement]:
    """What is in force in each place; of several the one that began last."""
    return {
        _place(row): row
        for row in rows
        if row.valid_from <= at and (row.valid_until is None or row.valid_until > at)
    }


def _wider(
    holders: dict[Place, SplitAgreement], place: Place
) -> list[SplitAgreement | None]:
    """What would divide a charge in a place that has no agreement of its own."""
    found: list[SplitAgreement | None] = []
    if place != EVERYWHERE:
        found.append(holders.get(EVERYWHERE))
    else:
        found.append(None)
    if place[1]:
        found += [row for (site_id, _), row in holders.items() if site_id is not None]
    return found
