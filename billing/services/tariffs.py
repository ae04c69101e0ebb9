"""Tariffs: taking them in, version by version, and saying where they apply."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from billing.models import Tariff, TariffAssignment, TariffVersion
from billing.pricing import Tariff as ParsedTariff, UnableToParseTariff, parse_tariff
from billing.services.tariff_validity import instant_text, never_sold
from cpms.accounts.services.audit import record
from cpms.kernel.errors import DomainError
from cpms.kernel.json import content_hash
from cpms.kernel.money import to_minor

TARIFF_BYTES_MAX: Final = 65_536
ACTOR_CHARS_MAX: Final = 120


class UnableToSaveTariff(DomainError):
    """The tariff is not a usable OCPI tariff."""

    http_status = 422


class UnableToAssignTariff(DomainError):
    """The assignment makes no sense."""

    http_status = 422


@transaction.atomic
def save_tariff(
    *,
    operator_id: int,
    ocpi: dict[str, Any],
    name: str,
    by: str,
    at: datetime,
    applies_from: datetime | None = None,
) -> Tariff:
    """Keep an OCPI tariff (2.2.1 or 2.3.0) under its own id, as a new version.

    Nothing that was sold changes: orders keep their copy, and charges that start
    before the version applies are sold by the one before, also when they are told
    only later. The same content again is no new version, unless a begin is stated.
    A later version with a ``start_date_time`` ahead applies from then on.

    Args:
        operator_id: whose.
        ocpi: the tariff object.
        name: for people.
        by: who saves it.
        at: now.
        applies_from: for charges that start then or later; None: from now on (the
            first version of a tariff: always).

    Raises:
        UnableToSaveTariff: it cannot be priced, or its own period and the begin
            contradict each other; the message names the field.
    """
    parsed = parsed_tariff(ocpi)
    check_period(parsed, applies_from=applies_from, at=at)
    digest = content_hash(ocpi)
    code = str(ocpi["id"])
    begins_at = max(at, parsed.start_at or at)
    stated = {"name": name, "updated_at": at}
    content = {"currency": parsed.currency, "ocpi": ocpi, "content_hash": digest}
    tariff, _ = Tariff.objects.get_or_create(
        operator_id=operator_id,
        code=code,
        defaults={**stated, **content, "created_at": at},
    )
    tariff = Tariff.objects.select_for_update(no_key=True).get(pk=tariff.pk)
    last = tariff.versions.order_by("-number").first()
    if last is None or last.content_hash != digest or applies_from is not None:
        TariffVersion.objects.create(
            operator_id=operator_id,
            tariff=tariff,
            number=1 if last is None else last.number + 1,
            applies_from=applies_from or (None if last is None else begins_at),
            saved_by=by[:ACTOR_CHARS_MAX],
            created_at=at,
            **content,
        )
    for field, value in {**stated, **content}.items():
        setattr(tariff, field, value)
    tariff.save()
    record(
        operator_id=operator_id,
        actor=by,
        action="tariff.saved",
        object=f"tariff {code}",
        changes={
            "content_hash": digest,
            "applies_from": str(applies_from or begins_at),
        },
        at=at,
    )
    return tariff


def check_period(
    tariff: ParsedTariff, *, applies_from: datetime | None, at: datetime
) -> None:
    """Refuse a version that could never be sold, or only after a gap.

    Args:
        tariff: what is to be saved.
        applies_from: for charges that start then or later; None: from now on.
        at: now.

    Raises:
        UnableToSaveTariff: says which two instants contradict each other.
    """
    start_at = tariff.start_at
    if applies_from is not None and start_at is not None and applies_from < start_at:
        raise UnableToSaveTariff(
            "period_contradictory",
            f"start_date_time: is {instant_text(start_at)}, but the version is to "
            f"apply from {instant_text(applies_from)}, when nothing could be sold by "
            "it. State the same begin twice, or leave one of them out.",
            path="start_date_time",
        )
    if never_sold(tariff, begins_at=applies_from or at):
        assert tariff.end_at is not None, "never_sold says so"
        raise UnableToSaveTariff(
            "period_contradictory",
            f"end_date_time: is {instant_text(tariff.end_at)}, not after "
            f"{instant_text(applies_from or at)}, from when the version is to apply: "
            "nothing would ever be sold by it. State a later end; to end a tariff, "
            "end its assignment.",
            path="end_date_time",
        )


def parsed_tariff(ocpi: dict[str, Any]) -> ParsedTariff:
    """An OCPI tariff that can be priced and sold.

    Raises:
        UnableToSaveTariff: it cannot; the message names the field, what is wrong
            with it, and what it must be. ``extra["path"]`` is the field.
    """
    try:
        parsed = parse_tariff(ocpi)
    except UnableToParseTariff as error:
        raise UnableToSaveTariff(
            "tariff_invalid", error.message, path=error.path
        ) from error
    amount = parsed.preauthorize_amount
    if amount is not None and to_minor(amount, parsed.currency) == 0:
        raise UnableToSaveTariff(
            "tariff_invalid",
            f"preauthorize_amount: is {amount}; a hold of nothing buys nothing. State "
            "an amount, or leave it out: then the operator's hold counts.",
            path="preauthorize_amount",
        )
    return parsed


@dataclass(frozen=True)
class Reach:
    """Where and for whom a tariff applies; what is empty matches everything."""

    charge_point: str = ""
    site_id: int | None = None
    connector_type: str = ""
    driver_group_id: int | None = None
    token_group: str = ""
    token_type: str = ""


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
