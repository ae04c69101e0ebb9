"""A new campaign: which file for whom, how fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from charge_points.models import (
    ChargePoint,
    FirmwareCampaign,
    FirmwareCampaignMember,
    FirmwareFile,
)
from charge_points.services.rows import insert_unless_exists
from charge_points.services.selection import NAMED_MAX, named
from cpms.kernel.errors import DomainError

LIFETIME_MAX: Final = timedelta(days=180)
RESULT_WITHIN: Final = timedelta(hours=6)
RESULT_WITHIN_MAX: Final = timedelta(days=14)
"""Stations fetch the file by an address that lives so long."""


class UnableToRunCampaign(DomainError):
    """The campaign is not taken, or cannot go on like this."""

    http_status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What staff want; ``stations`` were selected before, all of one operator."""

    operator_id: int
    name: str
    firmware_id: int
    stations: tuple[ChargePoint, ...]
    selection: Mapping[str, Any]
    idempotency_key: str
    starts_at: datetime
    ends_at: datetime
    first_wave_size: int = 5
    wave_size: int = 50
    success_quota_percent: int = 90
    failure_limit_percent: int = 10
    result_within_s: int = int(RESULT_WITHIN.total_seconds())
    retries: int | None = None
    retry_interval_s: int | None = None


@transaction.atomic
def create(*, wanted: Wanted, by: str, at: datetime) -> FirmwareCampaign:
    """Begin a campaign; the same key again is the same campaign.

    The sweep asks the first wave.

    Raises:
        UnableToRunCampaign: no such file, charge points that the file is not for,
            times that contradict each other, or a key that was used for another.
    """
    file = _file(wanted)
    _require_fitting(file, wanted.stations)
    _require_times(wanted, at)
    row = FirmwareCampaign(
        operator_id=wanted.operator_id,
        name=wanted.name,
        firmware=file,
        selection=dict(wanted.selection),
        size=len(wanted.stations),
        first_wave_size=wanted.first_wave_size,
        wave_size=wanted.wave_size,
        success_quota_percent=wanted.success_quota_percent,
        failure_limit_percent=wanted.failure_limit_percent,
        retries=wanted.retries,
        retry_interval_s=wanted.retry_interval_s,
        result_within_s=wanted.result_within_s,
        idempotency_key=wanted.idempotency_key,
        requested_by=by,
        created_at=at,
        starts_at=max(wanted.starts_at, at),
        ends_at=wanted.ends_at,
    )
    if not insert_unless_exists(row):
        return _known(wanted)
    FirmwareCampaignMember.objects.bulk_create(
        FirmwareCampaignMember(
            operator_id=row.operator_id, campaign=row, charge_point=station
        )
        for station in wanted.stations
    )
    return row


def _known(wanted: Wanted) -> FirmwareCampaign:
    known = FirmwareCampaign.objects.get(
        operator_id=wanted.operator_id, idempotency_key=wanted.idempotency_key
    )
    asked = (wanted.name, wanted.firmware_id, dict(wanted.selection))
    if (known.name, known.firmware_id, known.selection) != asked:
        raise UnableToRunCampaign(
            "idempotency_key_reused",
            "This idempotency key was used for another campaign; take a new one.",
        )
    return known


def _file(wanted: Wanted) -> FirmwareFile:
    found = FirmwareFile.objects.filter(
        pk=wanted.firmware_id, operator_id=wanted.operator_id
    ).first()
    if found is None:
        raise UnableToRunCampaign(
            "unknown_firmware",
            f"There is no firmware file {wanted.firmware_id}; upload it first.",
        )
    return found


def _require_fitting(file: FirmwareFile, stations: tuple[ChargePoint, ...]) -> None:
    """A file for one vendor's model breaks the others."""
    foreign = [
        row.identity
        for row in stations
        if not _fits(file.vendor, row.vendor) or not _fits(file.model, row.model)
    ]
    if foreign:
        kind = f"{file.vendor} {file.model}".strip()
        raise UnableToRunCampaign(
            "firmware_not_for_these",
            f"The file is for {kind}; these charge points are not, or have not said "
            f"so: {named(foreign)}.",
            charge_points=foreign[:NAMED_MAX],
        )


def _fits(wanted: str, told: str) -> bool:
    return not wanted or wanted.strip().lower() == told.strip().lower()


def _require_times(wanted: Wanted, at: datetime) -> None:
    begin = max(wanted.starts_at, at)
    if wanted.ends_at <= begin:
        raise UnableToRunCampaign(
            "campaign_ends_before_begin",
            f"The campaign would end at {wanted.ends_at.isoformat()}, before it begins "
            f"at {begin.isoformat()}; give a later end.",
        )
    if wanted.ends_at > at + LIFETIME_MAX:
        raise UnableToRunCampaign(
            "campaign_too_long",
            f"A campaign runs at most {LIFETIME_MAX.days} days; give an earlier end.",
        )
