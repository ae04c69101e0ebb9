"""Firmware that local controllers offer (2.0.1 L03, L04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from charge_points.models import FirmwarePublication
from charge_points.models.states import FIRMWARE_PUBLICATION
from charge_points.services.progress import advance, masked_location

ADDRESSES_MAX: Final = 20
OVER: Final = frozenset(
    {"Refused", "InvalidChecksum", "PublishFailed", "DownloadFailed", "Unpublished"}
)
GONE: Final = frozenset({"Unpublished", "NoFirmware"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A PublishFirmware as it went out."""

    charge_point_id: int
    operator_id: int
    command_id: int
    request_id: int
    checksum: str
    location: str


@transaction.atomic
def record_answer(*, asked: Published, status: str, at: datetime) -> None:
    """Accepted or not; a request id that was used before begins anew."""
    accepted = status == "Accepted"
    FirmwarePublication.objects.update_or_create(
        charge_point_id=asked.charge_point_id,
        request_id=asked.request_id,
        defaults={
            "operator_id": asked.operator_id,
            "checksum": asked.checksum[:32],
            "location": masked_location(asked.location),
            "command_number": asked.command_id,
            "status": "Accepted" if accepted else "Refused",
            "published_at_addresses": [],
            "history": [],
            "requested_at": at,
            "ended_at": None if accepted else at,
        },
    )


@transaction.atomic
def record_status(
    *,
    charge_point_id: int,
    request_id: int | None,
    status: str,
    addresses: Sequence[str],
    at: datetime,
) -> bool:
    """PublishFirmwareStatusNotification; without request id the newest is meant.

    Returns:
        Whether it was a step on.
    """
    rows = FirmwarePublication.objects.select_for_update(no_key=True).filter(
        charge_point_id=charge_point_id
    )
    if request_id is not None:
        rows = rows.filter(request_id=request_id)
    row = rows.order_by("-pk").first()
    if row is None:
        return False
    if status == "Published":
        row.published_at_addresses = [a[:512] for a in addresses[:ADDRESSES_MAX]]
    row.ended_at = at if status in OVER else None
    return advance(row, FIRMWARE_PUBLICATION, status, at)


@transaction.atomic
def record_unpublished(
    *, charge_point_id: int, checksum: str, status: str, at: datetime
) -> None:
    """UnpublishFirmware: gone, or still being fetched by a station (L04)."""
    if status not in GONE:
        return
    rows = FirmwarePublication.objects.select_for_update(no_key=True).filter(
        charge_point_id=charge_point_id, checksum=checksum[:32], status="Published"
    )
    for row in rows.order_by("pk"):
        row.ended_at = at
        advance(row, FIRMWARE_PUBLICATION, "Unpublished", at)
