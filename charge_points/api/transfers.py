"""Where stations leave logs and fetch firmware: plain HTTP, permitted by the address.

Stations have no log-in here; the signed address is the permission (see
``services.transfers``).
"""

import threading
from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from charge_points.models import FirmwareFile
from charge_points.services import diagnostics, file_answers, stored_files, transfers
from charge_points.services.stored_files import StoredFile
from charge_points.services.transfers import PREFIX
from cpms.accounts.tenancy import acting_for
from cpms.kernel.errors import DomainError

UPLOADS_MAX: Final = 8
"""Uploads of one process at the same time: each holds a thread."""
RETRY_AFTER_S: Final = 60
_uploads: Final = threading.BoundedSemaphore(UPLOADS_MAX)
_MULTIPART: Final = "multipart/form-data"
# Boundaries and names around the file of a form.
FORM_BYTES_MAX: Final = 64 * 1024


class UnableToReceive(DomainError):
    """The upload is not taken as it came."""

    http_status = 400


def _problem(error: DomainError) -> HttpResponse:
    body = {"code": error.code, "detail": error.message}
    return JsonResponse(body, status=error.status)


@csrf_exempt
@require_http_methods(["PUT", "POST"])
def upload_log(request: HttpRequest, token: str, file_name: str = "") -> HttpResponse:
    """Take the file of a log: the body itself, or the first file of a form."""
    if not _uploads.acquire(blocking=False):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return HttpResponse(status=503, headers=headers)
    try:
        _receive(request, token, file_name)
    except DomainError as error:
        return _problem(error)
    finally:
        _uploads.release()
    return HttpResponse(status=201)


def _receive(request: HttpRequest, token: str, file_name: str) -> None:
    operator_id, upload_id = transfers.read_upload(token)
    with acting_for([operator_id]):
        diagnostics.require_open(upload_id=upload_id, at=timezone.now())
    name, file = _stored(request)
    try:
        with acting_for([operator_id]):
            diagnostics.record_file(
                upload_id=upload_id,
                file=file,
                file_name=file_name or name,
                at=timezone.now(),
            )
    except DomainError:
        stored_files.remove(file.stored_as)
        raise


def _stored(request: HttpRequest) -> tuple[str, StoredFile]:
    """(name, file): whole, or nothing is kept."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if not length:
        raise UnableToReceive(
            "length_required", "Say the length of the file.", http_status=411
        )
    if length > diagnostics.FILE_BYTES_MAX + FORM_BYTES_MAX:
        raise UnableToReceive(
            "file_too_large",
            f"At most {diagnostics.FILE_BYTES_MAX} bytes are taken.",
            http_status=413,
        )
    try:
        if request.method == "POST" and request.content_type == _MULTIPART:
            return _form_file(request)
        return "", _body_file(request, length)
    except UnreadablePostError as error:
        raise UnableToReceive(
            "upload_broken", "The upload ended early; try again."
        ) from error


def _form_file(request: HttpRequest) -> tuple[str, StoredFile]:
    sent = next(iter(request.FILES.values()), None)
    if sent is None or isinstance(sent, list):
        raise UnableToReceive("file_missing", "The form holds no file.")
    return sent.name or "", _store(sent.chunks())


def _body_file(request: HttpRequest, length: int) -> StoredFile:
    file = _store(_body(request))
    if file.size_bytes != length:
        stored_files.remove(file.stored_as)
        raise UnableToReceive("upload_broken", "The upload ended early; try again.")
    return file


def _body(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(stored_files.CHUNK_BYTES):
        yield chunk


def _store(chunks: Iterator[bytes]) -> StoredFile:
    return stored_files.store(
        folder="logs", chunks=chunks, bytes_max=diagnostics.FILE_BYTES_MAX
    )


@require_http_methods(["GET", "HEAD"])
def fetch_firmware(request: HttpRequest, token: str) -> HttpResponse:
    """A firmware file, whole or a range of it (RFC 9110, section 14)."""
    try:
        operator_id, firmware_id = transfers.read_firmware(token, at=timezone.now())
    except DomainError as error:
        return _problem(error)
    with acting_for([operator_id]):
        row = FirmwareFile.objects.filter(pk=firmware_id).first()
    if row is None or not stored_files.path_of(row.stored_as).is_file():
        return HttpResponse(status=404)
    response = file_answers.ranged(request, row.stored_as, row.size_bytes)
    response["ETag"] = f'"{row.sha256}"'
    return response


urlpatterns = [
    path(f"{PREFIX}/logs/<str:token>", upload_log),
    path(f"{PREFIX}/logs/<str:token>/<str:file_name>", upload_log),
    path(f"{PREFIX}/firmware/<str:token>", fetch_firmware),
]
