"""Firmware updates of stations and what they say of them (1.6, 2.0.1 block L)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from charge_points import events
from charge_points.models import ChargePoint, Command, FirmwareFile, FirmwareUpdate
from charge_points.models.states import FIRMWARE_UPDATE, FIRMWARE_UPDATE_OVER
from charge_points.services import commands
from charge_points.services.progress import (
    NO_ANSWER,
    advance,
    masked_location,
    new_request_id,
)
from charge_points.services.rows import insert_unless_exists
from cpms.kernel.errors import DomainError
from cpms.outbox import publish_many

UPDATE: Final = "update_firmware"
ANSWER_WITHIN: Final = timedelta(hours=24)
"""A station that is offline is asked when it comes back within this time."""
LINK_LIFETIME: Final = timedelta(days=14)
"""Counted from when the station shall fetch the file."""
RECENT_MAX: Final = 5
IDLE: Final = "Idle"
REPLACED: Final = "AcceptedCanceled"


class UnableToUpdateFirmware(DomainError):
    """The update is not ordered."""

    http_status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpdate:
    """What an operator wants: an own file, or a ``location`` somewhere else."""

    charge_point_id: int
    idempotency_key: str
    firmware_id: int | None = None
    location: str = ""
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What went out; ``request_id`` None: the message has none (1.6)."""

    charge_point_id: int
    operator_id: int
    command_id: int
    request_id: int | None
    location: str
    is_signed: bool = False
    retrieve_at: datetime | None = None
    install_at: datetime | None = None


@transaction.atomic
def request_update(*, wanted: NewUpdate, by: str, at: datetime) -> FirmwareUpdate:
    """Order an update; the same key again gives the same row.

    Raises:
        UnableToUpdateFirmware: no such charge point or file, or not exactly one of
            file and location.
        UnableToQueueCommand: too many commands wait.
    """
    key = f"firmware:{wanted.idempotency_key}"
    known = Command.objects.filter(
        charge_point_id=wanted.charge_point_id, idempotency_key=key
    ).values_list("pk", flat=True)
    if known:
        return FirmwareUpdate.objects.get(
            charge_point_id=wanted.charge_point_id, command_number=known[0]
        )
    station = _station(wanted)
    file = _file(wanted, station)
    retrieve_at = wanted.retrieve_at or at
    row = FirmwareUpdate(
        operator_id=station.operator_id,
        charge_point=station,
        request_id=new_request_id(),
        firmware=file,
        location=masked_location(wanted.location),
        is_signed=file is not None and file.is_signed,
        retrieve_at=retrieve_at,
        install_at=wanted.install_at,
        requested_by=by,
        requested_at=at,
    )
    arguments = {
        "request_id": row.request_id,
        "location": wanted.location,
        "retrieve_at": events.iso(retrieve_at),
        "retries": wanted.retries,
        "retry_interval_s": wanted.retry_interval_s,
        "install_at": events.iso(wanted.install_at) if wanted.install_at else None,
    }
    if file is not None:
        arguments |= {
            "operator_id": station.operator_id,
            "firmware_id": file.pk,
            "link_until": events.iso(retrieve_at + LINK_LIFETIME),
            "signing_certificate": file.signing_certificate,
            "signature": file.signature,
        }
    command = commands.queue_intent(
        charge_point_id=station.pk,
        intent=UPDATE,
        arguments=arguments,
        by=by,
        idempotency_key=key,
        expires_at=at + ANSWER_WITHIN,
        at=at,
    )
    row.command_number = command.pk
    row.save()
    return row


@transaction.atomic
def withdraw_many(*, update_ids: Iterable[int], at: datetime) -> frozenset[int]:
    """Take updates back that no station was told of.

    Returns:
        Which of them; the commands of the others were sent already, or have ended.
    """
    found = FirmwareUpdate.objects.filter(
        pk__in=list(update_ids), command_number__isnull=False
    ).values_list("command_number", "pk")
    by_command = {command: pk for command, pk in found if command is not None}
    # Commands are locked before updates, as the gateway does.
    cancelled = commands.cancel_many(command_ids=by_command, at=at)
    withdrawn = frozenset(by_command[command] for command in cancelled)
    rows = FirmwareUpdate.objects.select_for_update(no_key=True).filter(
        pk__in=withdrawn
    )
    for row in rows.order_by("pk"):
        _step(row, "Canceled", at)
    return withdrawn


@transaction.atomic
def end_unsent(*, update_id: int, at: datetime) -> None:
    """An update's command expired before any station was told of it."""
    row = FirmwareUpdate.objects.select_for_update(no_key=True).get(pk=update_id)
    _step(row, "Canceled", at)


def _station(wanted: NewUpdate) -> ChargePoint:
    found = ChargePoint.objects.filter(pk=wanted.charge_point_id).first()
    if found is None:
        raise UnableToUpdateFirmware(
            "unknown_charge_point",
            f"There is no charge point {wanted.charge_point_id}.",
            http_status=404,
        )
    return found


def _file(wanted: NewUpdate, station: ChargePoint) -> FirmwareFile | None:
    if (wanted.firmware_id is None) == (not wanted.location):
        raise UnableToUpdateFirmware(
            "firmware_unclear",
            "Name either an uploaded firmware file or a location, not both.",
        )
    if wanted.firmware_id is None:
        return None
    found = FirmwareFile.objects.filter(
        pk=wanted.firmware_id, operator_id=station.operator_id
    ).first()
    if found is None:
        raise UnableToUpdateFirmware(
            "unknown_firmware",
            f"There is no firmware file {wanted.firmware_id}; upload it first.",
            http_status=404,
        )
    return found


# -- what the station says -----------------------------------------------------------


@transaction.atomic
def record_answer(*, asked: Asked, status: str, at: datetime) -> None:
    """An update was answered; an accepted one takes the place of older ones."""
    row = _asked_row(asked, at)
    if status in {"Accepted", REPLACED}:
        older = FirmwareUpdate.objects.select_for_update(no_key=True).filter(
            charge_point_id=asked.charge_point_id, pk__lt=row.pk
        )
        for other in older.exclude(status__in=FIRMWARE_UPDATE_OVER).order_by("pk"):
            _step(other, "Canceled", at)
        _step(row, "Accepted", at)
    else:
        row.detail = status[:120]
        _step(row, "Refused", at)


@transaction.atomic
def record_failure(*, asked: Asked, code: str, at: datetime) -> None:
    """No answer, or a CALLERROR. Without answer the station may act all the same."""
    row = _asked_row(asked, at)
    row.detail = code[:120]
    if code in NO_ANSWER:
        row.save()
    else:
        _step(row, "Refused", at)


@transaction.atomic
def record_status(
    *,
    charge_point_id: int,
    operator_id: int,
    request_id: int | None,
    status: str,
    at: datetime,
) -> None:
    """A firmware status arrived; Idle says that nothing is going on.

    Without request id the newest update that can take the step is meant. An update
    that nobody ordered here (by service staff, by the vendor) gets a row too.
    """
    if status == IDLE:
        return
    rows = FirmwareUpdate.objects.select_for_update(no_key=True).filter(
        charge_point_id=charge_point_id
    )
    if request_id is None:
        recent = list(rows.order_by("-pk")[:RECENT_MAX])
        row = next((r for r in recent if _takes(r, status)), None)
    else:
        row = rows.filter(request_id=request_id).first()
    if row is None:
        row = FirmwareUpdate.objects.create(
            operator_id=operator_id,
            charge_point_id=charge_point_id,
            request_id=new_request_id() if request_id is None else request_id,
            requested_by="station",
            requested_at=at,
        )
    _step(row, status, at)


def _takes(row: FirmwareUpdate, status: str) -> bool:
    return row.status == status or FIRMWARE_UPDATE.allows(row.status, status)


def _asked_row(asked: Asked, at: datetime) -> FirmwareUpdate:
    """The row of a command, locked; one that was typed by hand gets its row here."""
    rows = FirmwareUpdate.objects.select_for_update(no_key=True).filter(
        charge_point_id=asked.charge_point_id
    )
    if asked.request_id is None:
        found = rows.filter(command_number=asked.command_id).first()
    else:
        found = rows.filter(request_id=asked.request_id).first()
    if found is not None:
        return found
    row = FirmwareUpdate(
        operator_id=asked.operator_id,
        charge_point_id=asked.charge_point_id,
        request_id=new_request_id() if asked.request_id is None else asked.request_id,
        location=masked_location(asked.location),
        command_number=asked.command_id,
        is_signed=asked.is_signed,
        retrieve_at=asked.retrieve_at,
        install_at=asked.install_at,
        requested_at=at,
    )
    insert_unless_exists(row)
    return rows.get(request_id=row.request_id)


def _step(row: FirmwareUpdate, status: str, at: datetime) -> None:
    if status == "Downloaded":
        row.downloaded_at = row.downloaded_at or at
    if status in FIRMWARE_UPDATE_OVER:
        row.ended_at = at
    elif row.status == "DownloadFailed" and _takes(row, status):
        row.ended_at = None
    if advance(row, FIRMWARE_UPDATE, status, at):
        progress = events.Progress(row.charge_point_id, row.request_id, status)
        publish_many(
            [
                events.firmware_status_changed(
                    operator_id=row.operator_id, progress=progress, at=at
                )
            ]
        )
