"""Diagnostics and logs of stations: asked for, on their way, arrived."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction

from charge_points import events
from charge_points.models import ChargePoint, Command, LogUpload
from charge_points.models.states import LOG_UPLOAD, LOG_UPLOAD_OPEN
from charge_points.services import commands, stored_files
from charge_points.services.progress import (
    NO_ANSWER,
    advance,
    masked_location,
    new_request_id,
)
from charge_points.services.rows import insert_unless_exists
from charge_points.services.stored_files import StoredFile
from cpms.kernel.errors import DomainError
from cpms.outbox import publish_many

GET_LOG: Final = "get_log"
DIAGNOSTICS: Final = "DiagnosticsLog"
SECURITY: Final = "SecurityLog"
ANSWER_WITHIN: Final = timedelta(hours=1)
UPLOAD_WITHIN: Final = timedelta(hours=24)
"""Our endpoint takes the file of a request so long."""
RETENTION: Final = timedelta(days=90)
FORGET_MAX: Final = 500
FILE_BYTES_MAX: Final = 256 * 1024 * 1024
RECENT_MAX: Final = 5
CLOSED: Final = frozenset({"Refused", "Canceled"})


class UnableToGetLog(DomainError):
    """The log is not asked for."""

    http_status = 422


class UnableToTakeLog(DomainError):
    """The file is not taken."""

    http_status = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLog:
    """What an operator wants; an empty ``location`` is our own endpoint."""

    charge_point_id: int
    idempotency_key: str
    kind: str = DIAGNOSTICS
    oldest_at: datetime | None = None
    latest_at: datetime | None = None
    location: str = ""
    retries: int | None = None
    retry_interval_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What went out; ``request_id`` None: the message has none (1.6)."""

    charge_point_id: int
    operator_id: int
    command_id: int
    request_id: int | None
    kind: str
    location: str


@transaction.atomic
def request_log(*, wanted: NewLog, by: str, at: datetime) -> LogUpload:
    """Ask a station for a log; the same key again gives the same row.

    Raises:
        UnableToGetLog: no such charge point, or the span ends before it begins.
        UnableToQueueCommand: too many commands wait.
    """
    key = f"log:{wanted.idempotency_key}"
    known = Command.objects.filter(
        charge_point_id=wanted.charge_point_id, idempotency_key=key
    ).values_list("pk", flat=True)
    if known:
        return LogUpload.objects.get(
            charge_point_id=wanted.charge_point_id, command_number=known[0]
        )
    station = _station(wanted)
    row = LogUpload.objects.create(
        operator_id=station.operator_id,
        charge_point=station,
        request_id=new_request_id(),
        kind=wanted.kind,
        location=masked_location(wanted.location),
        oldest_at=wanted.oldest_at,
        latest_at=wanted.latest_at,
        requested_by=by,
        requested_at=at,
        upload_until=at + UPLOAD_WITHIN,
    )
    command = commands.queue_intent(
        charge_point_id=station.pk,
        intent=GET_LOG,
        arguments={
            "request_id": row.request_id,
            "operator_id": station.operator_id,
            "upload_id": row.pk,
            "kind": wanted.kind,
            "location": wanted.location,
            "oldest_at": _iso(wanted.oldest_at),
            "latest_at": _iso(wanted.latest_at),
            "retries": wanted.retries,
            "retry_interval_s": wanted.retry_interval_s,
        },
        by=by,
        idempotency_key=key,
        expires_at=at + ANSWER_WITHIN,
        at=at,
    )
    row.command_number = command.pk
    row.save()
    return row


def _iso(at: datetime | None) -> str | None:
    return None if at is None else events.iso(at)


def _station(wanted: NewLog) -> ChargePoint:
    found = ChargePoint.objects.filter(pk=wanted.charge_point_id).first()
    if found is None:
        raise UnableToGetLog(
            "unknown_charge_point",
            f"There is no charge point {wanted.charge_point_id}.",
            http_status=404,
        )
    oldest, latest = wanted.oldest_at, wanted.latest_at
    if oldest is not None and latest is not None and latest <= oldest:
        raise UnableToGetLog(
            "span_empty", "The log's span must end after it begins; change the times."
        )
    return found


# -- what the station says -----------------------------------------------------------


@transaction.atomic
def record_answer(
    *, asked: Asked, status: str, file_name: str, at: datetime, detail: str = ""
) -> None:
    """A request was answered; an accepted one takes the place of older ones."""
    row = _asked_row(asked, at)
    row.file_name = file_name.replace("\0", "")[:255] or row.file_name
    if status == "AcceptedCanceled":
        older = LogUpload.objects.select_for_update(no_key=True).filter(
            charge_point_id=asked.charge_point_id,
            pk__lt=row.pk,
            status__in=LOG_UPLOAD_OPEN,
        )
        for other in older.order_by("pk"):
            _step(other, "Canceled", at)
    if status in {"Accepted", "AcceptedCanceled"}:
        row.save()
        _step(row, "Accepted", at)
    else:
        row.detail = (detail or status)[:120]
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
def end_unsent(*, upload_id: int, at: datetime) -> None:
    """The command ran out, or was taken back, before the station was told of it."""
    row = LogUpload.objects.select_for_update(no_key=True).get(pk=upload_id)
    _step(row, "Canceled", at)


@transaction.atomic
def record_status(
    *, charge_point_id: int, request_id: int | None, status: str, at: datetime
) -> bool:
    """A log status arrived; Idle says that nothing is going on.

    Without request id the newest upload that can take the step is meant.

    Returns:
        Whether it was a step on.
    """
    if status == "Idle":
        return False
    word = "Canceled" if status == "AcceptedCanceled" else status
    rows = LogUpload.objects.select_for_update(no_key=True).filter(
        charge_point_id=charge_point_id
    )
    if request_id is None:
        recent = rows.order_by("-pk")[:RECENT_MAX]
        row = next((r for r in recent if LOG_UPLOAD.allows(r.status, word)), None)
    else:
        row = rows.filter(request_id=request_id).first()
    return row is not None and _step(row, word, at)


def _asked_row(asked: Asked, at: datetime) -> LogUpload:
    """The row of a command, locked; one that was typed by hand gets its row here."""
    rows = LogUpload.objects.select_for_update(no_key=True).filter(
        charge_point_id=asked.charge_point_id
    )
    if asked.request_id is None:
        found = rows.filter(command_number=asked.command_id).first()
    else:
        found = rows.filter(request_id=asked.request_id).first()
    if found is not None:
        return found
    row = LogUpload(
        operator_id=asked.operator_id,
        charge_point_id=asked.charge_point_id,
        request_id=new_request_id() if asked.request_id is None else asked.request_id,
        kind=asked.kind[:16],
        location=masked_location(asked.location),
        command_number=asked.command_id,
        requested_at=at,
        upload_until=at,
    )
    insert_unless_exists(row)
    return rows.get(request_id=row.request_id)


def _step(row: LogUpload, status: str, at: datetime) -> bool:
    row.ended_at = None if status in LOG_UPLOAD_OPEN else at
    moved = advance(row, LOG_UPLOAD, status, at)
    if moved:
        progress = events.Progress(row.charge_point_id, row.request_id, status)
        publish_many(
            [
                events.log_status_changed(
                    operator_id=row.operator_id, progress=progress, at=at
                )
            ]
        )
    return moved


# -- the file ------------------------------------------------------------------------


def require_open(*, upload_id: int, at: datetime) -> None:
    """Check that the file of a request is still awaited.

    Raises:
        UnableToTakeLog: it was refused or replaced, or its time is over.
    """
    row = LogUpload.objects.filter(pk=upload_id).first()
    if row is None or row.status in CLOSED or at >= row.upload_until:
        raise UnableToTakeLog(
            "upload_over",
            "No log is awaited at this address any more; ask for it again.",
        )


@transaction.atomic
def record_file(
    *, upload_id: int, file: StoredFile, file_name: str, at: datetime
) -> None:
    """The file arrived; a second one (the station tried again) replaces the first.

    Raises:
        UnableToTakeLog: meanwhile it is not awaited any more.
    """
    require_open(upload_id=upload_id, at=at)
    row = LogUpload.objects.select_for_update(no_key=True).get(pk=upload_id)
    if row.stored_as:
        transaction.on_commit(partial(stored_files.remove, row.stored_as))
    row.stored_as = file.stored_as
    row.size_bytes = file.size_bytes
    row.sha256 = file.sha256
    row.file_name = row.file_name or file_name.replace("\0", "")[:255]
    row.received_at = at
    row.save()
    _step(row, "Uploaded", at)


@transaction.atomic
def forget(*, at: datetime) -> int:
    """Task: drop files after ``RETENTION``; returns how many."""
    rows = LogUpload.objects.filter(received_at__lt=at - RETENTION).exclude(
        stored_as=""
    )[:FORGET_MAX]
    names = {row.pk: row.stored_as for row in rows}
    LogUpload.objects.filter(pk__in=names).update(stored_as="")
    for name in names.values():
        transaction.on_commit(partial(stored_files.remove, name))
    return len(names)
