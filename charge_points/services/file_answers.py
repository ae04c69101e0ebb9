"""Stored files as answers over HTTP: whole, or a range (RFC 9110, section 14)."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from django.http import HttpResponse, StreamingHttpResponse

from charge_points.models import LogUpload
from charge_points.services import stored_files

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class Asking(Protocol):
    """What a request of Django and one of DRF have in common."""

    @property
    def method(self) -> str | None:
        """Such as GET."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers."""


def attachment(request: Asking, row: LogUpload) -> HttpResponse:
    """The answer with the file of a log that came, to be saved."""
    response = ranged(request, row.stored_as, row.size_bytes or 0)
    response["Content-Disposition"] = f'attachment; filename="log-{row.request_id}"'
    return response


def ranged(request: Asking, stored_as: str, size: int) -> HttpResponse:
    """The answer with a stored file: 200, 206 for a range, 416 for a wrong one."""
    span = _span(request.headers.get("Range", ""), size)
    if span is None:
        headers = {"Content-Range": f"bytes */{size}"}
        return HttpResponse(status=416, headers=headers)
    first, end = span
    partial = _asked(request.headers.get("Range", "")) is not None
    response: HttpResponse = StreamingHttpResponse(  # type: ignore[assignment]  # alike for us
        _read(stored_as, first, end) if request.method == "GET" else (),
        content_type="application/octet-stream",
        status=206 if partial else 200,
    )
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(end - first)
    if partial:
        response["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    return response


def _asked(header: str) -> re.Match[str] | None:
    """One range of bytes; several ranges and other units may be ignored."""
    found = _RANGE.fullmatch(header.strip())
    return None if found is None or found.groups() == ("", "") else found


def _span(header: str, size: int) -> tuple[int, int] | None:
    """(first, end) of one range; the whole where none is asked for; None: no such."""
    found = _asked(header)
    if found is None:
        return 0, size
    first, last = found.groups()
    if not first:
        wanted = min(int(last), size)
        return (size - wanted, size) if wanted else None
    begin = int(first)
    end = min(int(last) + 1, size) if last else size
    return (begin, end) if begin < end else None


def _read(stored_as: str, first: int, end: int) -> Iterator[bytes]:
    with stored_files.path_of(stored_as).open("rb") as file:
        file.seek(first)
        left = end - first
        while left > 0 and (chunk := file.read(min(left, stored_files.CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk
