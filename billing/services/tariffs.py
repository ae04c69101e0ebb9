"""Tariffs: taking them in, assigning them, and finding the one that applies."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from billing.models import Tariff, TariffAssignment
from billing.pricing import UnableToParseTariff, parse_tariff
from cpms.accounts.services.audit import record
from cpms.kernel.errors import DomainError
from cpms.kernel.json import content_hash

TARIFF_BYTES_MAX: Final = 65_536


class UnableToSaveTariff(DomainError):
    """The tariff is not a usable OCPI tariff."""

    http_status = 422


class UnableToAssignTariff(DomainError):
    """The assignment makes no sense."""

    http_status = 422


class UnableToFindTariff(DomainError):
    """No tariff applies: nothing can be sold here."""


@dataclass(frozen=True)
class Place:
    """Where and for whom a tariff is looked up."""

    operator_id: int
    charge_point: str
    site_id: int | None
    connector_type: str = ""
    token_group: str = ""


@dataclass(frozen=True)
class AppliedTariff:
    """The tariff that applies, and why it was chosen."""

    tariff_id: int
    code: str
    currency: str
    ocpi: dict[str, Any]
    content_hash: str
    reason: str


@transaction.atomic
def save_tariff(
    *, operator_id: int, ocpi: dict[str, Any], name: str, by: str, at: datetime
) -> Tariff:
    """Keep an OCPI tariff (2.2.1 or 2.3.0) under its own id; replaces an older one.

    Running orders keep their snapshot.

    Raises:
        UnableToSaveTariff: it cannot be priced; the message names the field.
    """
    try:
        parsed = parse_tariff(ocpi)
    except UnableToParseTariff as error:
        raise UnableToSaveTariff("tariff_invalid", error.message) from error
    digest = content_hash(ocpi)
    code = str(ocpi["id"])
    tariff, _ = Tariff.objects.update_or_create(
        operator_id=operator_id,
        code=code,
        defaults={
            "name": name,
            "currency": parsed.currency,
            "ocpi": ocpi,
            "content_hash": digest,
            "updated_at": at,
        },
        create_defaults={
            "name": name,
            "currency": parsed.currency,
            "ocpi": ocpi,
            "content_hash": digest,
            "created_at": at,
            "updated_at": at,
        },
    )
    record(
        operator_id=operator_id,
        actor=by,
        action="tariff.saved",
        object=f"tariff {code}",
        changes={"content_hash": digest},
        at=at,
    )
    return tariff


@dataclass(frozen=True)
class Reach:
    """Where and for whom a tariff applies; what is empty matches everything."""

    charge_point: str = ""
    site_id: int | None = None
    connector_type: str = ""
    token_group: str = ""


EVERYWHERE: Final = Reach()


@transaction.atomic
def assign(
    *,
    tariff: Tariff,
    starts_at: datetime,
    by: str,
    reach: Reach = EVERYWHERE,
    ends_at: datetime | None = None,
) -> TariffAssignment:
    """Let a tariff apply to a place, a group or the whole operator.

    Args:
        tariff: which one.
        starts_at: from when on.
        by: who decides.
        reach: where and for whom.
        ends_at: until when (exclusive); None: until something more specific or
            newer applies.

    Raises:
        UnableToAssignTariff: it would end before it begins.
    """
    if ends_at is not None and ends_at <= starts_at:
        raise UnableToAssignTariff(
            "period_invalid", f"The end {ends_at} is not after the begin {starts_at}."
        )
    row = TariffAssignment.objects.create(
        operator_id=tariff.operator_id,
        tariff=tariff,
        starts_at=starts_at,
        ends_at=ends_at,
        **asdict(reach),
    )
    record(
        operator_id=tariff.operator_id,
        actor=by,
        action="tariff.assigned",
        object=f"tariff {tariff.code}",
        changes=asdict(reach),
        at=starts_at,
    )
    return row


def _specificity(row: TariffAssignment) -> tuple[bool, bool, bool, bool, int]:
    return (
        bool(row.charge_point),
        row.site_id is not None,
        bool(row.connector_type),
        bool(row.token_group),
        row.pk,
    )


def _reason(row: TariffAssignment) -> str:
    parts = [
        f"charge point {row.charge_point}" if row.charge_point else "",
        f"site {row.site_id}" if row.site_id is not None else "",
        f"connector type {row.connector_type}" if row.connector_type else "",
        f"token group {row.token_group}" if row.token_group else "",
    ]
    chosen = ", ".join(p for p in parts if p) or "the whole operator"
    return f"assigned to {chosen} since {row.starts_at:%Y-%m-%d %H:%M}Z"


def tariff_for(place: Place, *, at: datetime) -> AppliedTariff:
    """The most specific valid tariff; among equals the newest assignment.

    Raises:
        UnableToFindTariff: none applies.
    """
    rows = (
        TariffAssignment.objects.select_related("tariff")
        .filter(operator_id=place.operator_id, starts_at__lte=at)
        .filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))
        .filter(charge_point__in=["", place.charge_point])
        .filter(Q(site_id__isnull=True) | Q(site_id=place.site_id))
        .filter(connector_type__in=["", place.connector_type])
        .filter(token_group__in=["", place.token_group])
    )
    best = max(rows, key=_specificity, default=None)
    if best is None:
        raise UnableToFindTariff(
            "no_tariff",
            f"No tariff applies to charge point {place.charge_point}. "
            "Its operator must assign one (admin: tariffs).",
        )
    tariff = best.tariff
    return AppliedTariff(
        tariff.pk,
        tariff.code,
        tariff.currency,
        tariff.ocpi,
        tariff.content_hash,
        _reason(best),
    )
