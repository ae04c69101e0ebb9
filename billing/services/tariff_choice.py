"""Which tariff applies to a charge, and why: one rule for the sale and its preview."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import F, Q, QuerySet

from billing.models import DriverGroupMember, TariffAssignment, TariffVersion
from billing.services.tariff_validity import Condition, instant_text, own_conditions
from cpms.kernel.errors import DomainError

CANDIDATES_MAX: Final = 500
"""An explanation shows at most so many rules; more cannot be read."""

PASSED_OVER_MAX: Final = 5
"""A refusal names at most so many tariffs that are not valid."""

TokenType = TariffAssignment.TokenType

_TOKEN_TYPES: Final = {
    "": TokenType.RFID,
    "ISO14443": TokenType.RFID,
    "ISO15693": TokenType.RFID,
    "eMAID": TokenType.EMAID,
    "Central": TokenType.APP_USER,
    "NoAuthorization": TokenType.AD_HOC_USER,
}


class UnableToFindTariff(DomainError):
    """No tariff applies: nothing can be sold here."""


@dataclass(frozen=True)
class Place:
    """Where and for whom a tariff is looked up.

    Args:
        operator_id: whose tariffs.
        charge_point: its identity.
        site_id: of the charge point.
        connector_type: as OCPP names it, such as ``cCCS2``.
        token_group: of the id token (OCPP groupIdToken).
        token_type: who starts, a ``TokenType`` of OCPI; empty when not known.
        driver_groups: the operator's groups that the driver is in, as ids.
    """

    operator_id: int
    charge_point: str
    site_id: int | None
    connector_type: str = ""
    token_group: str = ""
    token_type: str = ""
    driver_groups: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class AppliedTariff:
    """The version of a tariff that applies, and why it was chosen."""

    tariff_id: int
    code: str
    currency: str
    ocpi: dict[str, Any]
    content_hash: str
    reason: str
    version: int = 0


@dataclass(frozen=True)
class Candidate:
    """A rule, looked at for one charge.

    ``priority`` is the greater the more specific the rule is; among equals the newer
    one (the greater id) wins. ``reason`` says in words why it applies or does not.
    """

    assignment_id: int
    tariff_id: int
    tariff: str
    priority: int
    conditions: tuple[Condition, ...]
    matches: bool
    chosen: bool
    reason: str


@dataclass(frozen=True)
class Explanation:
    """The tariff that applies (None: none does) and every rule that was looked at.

    ``left_off`` rules had no room; they are less specific than the shown ones.
    """

    applied: AppliedTariff | None
    candidates: tuple[Candidate, ...]
    left_off: int


def ocpi_token_type(ocpp_type: str) -> str:
    """OCPI's TokenType of an OCPP 2.0.1 IdTokenEnumType; 1.6 has only cards."""
    return str(_TOKEN_TYPES.get(ocpp_type, TokenType.OTHER))


def driver_groups(driver_id: int | None, *, operator_id: int) -> frozenset[int]:
    """The operator's groups that a driver is in."""
    if driver_id is None:
        return frozenset()
    rows = DriverGroupMember.objects.filter(
        driver_id=driver_id, operator_id=operator_id
    )
    return frozenset(rows.values_list("group_id", flat=True))


def tariff_for(place: Place, *, at: datetime) -> AppliedTariff:
    """The most specific valid tariff; among equals the newest assignment.

    A tariff that is not yet or no longer valid, or is for others, is passed over, and
    the next rule counts.

    Args:
        place: where and for whom.
        at: start of the charge: assignments and versions of that time count.

    Raises:
        UnableToFindTariff: none applies.
    """
    rows = (
        _rules(place.operator_id)
        .filter(starts_at__lte=at)
        .filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))
        .filter(charge_point__in=["", place.charge_point])
        .filter(Q(site_id__isnull=True) | Q(site_id=place.site_id))
        .filter(connector_type__in=["", place.connector_type])
        .filter(token_group__in=["", place.token_group])
        .filter(token_type__in=["", place.token_type])
        .filter(
            Q(driver_group__isnull=True) | Q(driver_group_id__in=place.driver_groups)
        )
    )
    passed_over: list[str] = []
    for row in sorted(rows, key=_rank, reverse=True):
        version = version_at(row.tariff_id, at=at)
        asked = own_conditions(version.ocpi, token_type=place.token_type, at=at)
        if failed := [each for each in asked if not each.holds]:
            passed_over.append(f"{row.tariff.code}: {_because(failed)}")
            continue
        return _applied(row, version)
    because = f" ({'; '.join(passed_over[:PASSED_OVER_MAX])})" if passed_over else ""
    raise UnableToFindTariff(
        "no_tariff",
        f"No tariff applies to charge point {place.charge_point}{because}. "
        "Its operator must assign one (admin: tariffs).",
    )


def explain(place: Place, *, at: datetime) -> Explanation:
    """Which tariff applies and why, with every rule of the operator.

    The chosen rule comes first, then what would apply without it, then what does
    not apply; the more specific before the less specific.
    """
    rows = list(_rules(place.operator_id))
    versions = _versions_at({row.tariff_id for row in rows}, at=at)
    found = [_candidate(row, versions[row.tariff_id], place, at=at) for row in rows]
    fitting = [(row, seen) for row, seen in found if seen.matches]
    best = max((row for row, _ in fitting), key=_rank, default=None)
    shown = [
        _told(seen, chosen=best is not None and row.pk == best.pk)
        for row, seen in sorted(
            found, key=lambda pair: (pair[1].matches, _rank(pair[0])), reverse=True
        )
    ]
    return Explanation(
        applied=None if best is None else _applied(best, versions[best.tariff_id]),
        candidates=tuple(shown[:CANDIDATES_MAX]),
        left_off=max(len(shown) - CANDIDATES_MAX, 0),
    )


def version_at(tariff_id: int, *, at: datetime) -> TariffVersion:
    """The version by which a charge that starts at ``at`` is sold.

    The newest of those that apply by then; a charge from before the first one is
    sold by the first.
    """
    return _versions_at({tariff_id}, at=at)[tariff_id]


def _versions_at(tariff_ids: set[int], *, at: datetime) -> dict[int, TariffVersion]:
    """Per tariff the version of ``version_at``; one query for all."""
    versions = TariffVersion.objects.filter(tariff_id__in=tariff_ids)
    current = versions.filter(Q(applies_from__isnull=True) | Q(applies_from__lte=at))
    newest = current.order_by(
        "tariff_id", F("applies_from").desc(nulls_last=True), "-number"
    ).distinct("tariff_id")
    found = {row.tariff_id: row for row in newest}
    if early := tariff_ids - found.keys():
        first = versions.filter(tariff_id__in=early).order_by(
            "tariff_id", F("applies_from").asc(nulls_first=True), "number"
        )
        found |= {row.tariff_id: row for row in first.distinct("tariff_id")}
    return found


def _rules(operator_id: int) -> QuerySet[TariffAssignment]:
    return TariffAssignment.objects.select_related("tariff", "driver_group").filter(
        operator_id=operator_id
    )


def _asked(row: TariffAssignment) -> tuple[tuple[str, bool, str], ...]:
    """The conditions of a rule, the most specific first: name, stated, wanted."""
    group = row.driver_group
    return (
        ("charge point", bool(row.charge_point), row.charge_point),
        ("site", row.site_id is not None, str(row.site_id)),
        ("connector type", bool(row.connector_type), row.connector_type),
        ("driver group", group is not None, group.code if group else ""),
        ("token group", bool(row.token_group), row.token_group),
        ("token type", bool(row.token_type), row.token_type),
    )


def _priority(row: TariffAssignment) -> int:
    """As a binary number: a condition outweighs all that come after it."""
    number = 0
    for _, stated, _ in _asked(row):
        number = 2 * number + stated
    return number


def _rank(row: TariffAssignment) -> tuple[int, int]:
    return _priority(row), row.pk


def _reason(row: TariffAssignment) -> str:
    parts = [f"{name} {wanted}" for name, stated, wanted in _asked(row) if stated]
    chosen = ", ".join(parts) or "the whole operator"
    return f"assigned to {chosen} since {instant_text(row.starts_at)}"


def _applied(row: TariffAssignment, version: TariffVersion) -> AppliedTariff:
    tariff = row.tariff
    return AppliedTariff(
        tariff_id=tariff.pk,
        code=tariff.code,
        currency=version.currency,
        ocpi=version.ocpi,
        content_hash=version.content_hash,
        reason=_reason(row),
        version=version.number,
    )


def _conditions(
    row: TariffAssignment, place: Place, *, at: datetime
) -> Iterable[Condition]:
    group = row.driver_group_id
    actual = {
        "charge point": (place.charge_point, row.charge_point == place.charge_point),
        "site": (str(place.site_id or ""), row.site_id == place.site_id),
        "connector type": (
            place.connector_type,
            row.connector_type == place.connector_type,
        ),
        "driver group": (
            "in it" if group in place.driver_groups else "not in it",
            group in place.driver_groups,
        ),
        "token group": (place.token_group, row.token_group == place.token_group),
        "token type": (place.token_type, row.token_type == place.token_type),
    }
    for name, stated, wanted in _asked(row):
        if stated:
            yield Condition(name, wanted, *actual[name])
    now = instant_text(at)
    yield Condition("begin", instant_text(row.starts_at), now, row.starts_at <= at)
    if row.ends_at is not None:
        yield Condition("end", instant_text(row.ends_at), now, at < row.ends_at)


def _candidate(
    row: TariffAssignment, version: TariffVersion, place: Place, *, at: datetime
) -> tuple[TariffAssignment, Candidate]:
    own = own_conditions(version.ocpi, token_type=place.token_type, at=at)
    conditions = (*_conditions(row, place, at=at), *own)
    return row, Candidate(
        assignment_id=row.pk,
        tariff_id=row.tariff_id,
        tariff=row.tariff.code,
        priority=_priority(row),
        conditions=conditions,
        matches=all(condition.holds for condition in conditions),
        chosen=False,
        reason=_reason(row),
    )


def _told(seen: Candidate, *, chosen: bool) -> Candidate:
    """The rule with what became of it."""
    if chosen:
        reason = f"applies: {seen.reason}"
    elif seen.matches:
        reason = f"would apply, but a more specific or newer rule does: {seen.reason}"
    else:
        failed = [each for each in seen.conditions if not each.holds]
        reason = f"does not apply: {_because(failed)}"
    return Candidate(**{**vars(seen), "chosen": chosen, "reason": reason})


def _because(failed: Iterable[Condition]) -> str:
    return "; ".join(
        f"{_PERIOD[each.name]} {each.wanted}"
        if each.name in _PERIOD
        else f"{each.name} is {each.actual or 'not known'}, not {each.wanted}"
        for each in failed
    )


_PERIOD: Final = {
    "begin": "it begins only",
    "end": "it ended",
    "tariff start": "its tariff is not yet valid, only from",
    "tariff end": "its tariff expired",
    "tariff type": "its tariff is for ad hoc payment, that is token type",
}
