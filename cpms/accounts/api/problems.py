"""Errors as problem+json (RFC 9457) with stable codes."""

import sys
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from cpms.kernel.errors import DomainError

CONTENT_TYPE: Final = "application/problem+json"
MACHINES: Final = ("/api/", "/webhooks/", "/.well-known/")
"""Addresses that programs ask; everything else is for people."""

RETRY_AFTER_S: Final = 2
_TOO_LARGE: Final = (
    "The body of the request is larger than "
    f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20} MiB, the most that is taken "
    "here; send less at a time."
)
_TOO_DEEP: Final = "The body of the request is nested too deeply."
_NOT_STORABLE: Final = (
    "A value cannot be kept: a number is too large, or a text holds the character "
    "U+0000."
)
_NO_DATABASE: Final = "The database cannot be asked now; try again in a moment."

log = structlog.get_logger(__name__)

TITLES: Final = {
    400: "The request is not right",
    401: "Not authenticated",
    402: "The payment was declined",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Not possible in this state",
    410: "Gone",
    413: "The request is too large",
    415: "Unsupported media type",
    422: "The data is not right",
    429: "Too many requests",
    500: "An error of ours",
    503: "Not available now",
}


def _body(
    status: int, code: str, detail: str, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        **(extra or {}),
        "type": f"urn:cpms:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }


def problem(
    status: int, code: str, detail: str, *, extra: dict[str, Any] | None = None
) -> Response:
    """A problem+json response."""
    body = _body(status, code, detail, extra)
    response = Response(body, status=status, content_type=CONTENT_TYPE)
    response.exception = True
    return response


def problem_json(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: one shape for every refusal."""
    if isinstance(error, DomainError):
        extra = {k: v for k, v in error.extra.items() if k != "http_status"}
        return problem(error.status, error.code, error.message, extra=extra)
    known = _known(error)
    if known is not None:
        return known
    response = exception_handler(error, context)
    if response is None:
        return None
    code, extra = _code_of(error)
    detail = _detail_of(error, response.data)
    wrapped = problem(response.status_code, code, detail, extra=extra)
    for name in ("WWW-Authenticate", "Retry-After", "Allow"):
        if name in response.headers:
            wrapped[name] = response.headers[name]
    return wrapped


def _known(error: Exception) -> Response | None:
    """Refusals of what stands below the views: parser, driver, database."""
    if isinstance(error, RequestDataTooBig):
        return problem(413, "request_too_large", _TOO_LARGE)
    if isinstance(error, RecursionError):
        return problem(400, "parse_error", _TOO_DEEP)
    # The driver's own word for a text that PostgreSQL cannot hold.
    nul = isinstance(error, ValueError) and "NUL (0x00)" in str(error)
    if nul or isinstance(error, DataError):
        log.info("value_not_storable", error=str(error).strip())
        return problem(400, "value_out_of_range", _NOT_STORABLE)
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("database_unavailable", error=str(error).strip())
        wrapped = problem(503, "temporarily_unavailable", _NO_DATABASE)
        wrapped["Retry-After"] = str(RETRY_AFTER_S)
        return wrapped
    return None


def _code_of(error: Exception) -> tuple[str, dict[str, Any]]:
    if isinstance(error, exceptions.ValidationError):
        return "validation_failed", {"errors": error.detail}
    if isinstance(error, Http404):
        return "not_found", {}
    if isinstance(error, PermissionDenied):
        return "permission_denied", {}
    if isinstance(error, exceptions.APIException):
        return str(error.default_code), {}
    return "error", {}


def _detail_of(error: Exception, data: Any) -> str:  # noqa: ANN401 - DRF's own
    if isinstance(error, exceptions.ValidationError):
        return "Some fields are missing or wrong; see errors."
    if isinstance(data, dict) and "detail" in data:
        return str(data["detail"])
    return str(error)


def _plain(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """A problem outside of REST framework's views."""
    body = _body(status, code, f"{request.method} {request.path}: {detail}")
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if isinstance(exception, RequestDataTooBig):
        return _plain(request, 413, "request_too_large", _TOO_LARGE)
    if request.path.startswith(MACHINES):
        return _plain(request, 400, "bad_request", "this request cannot be read.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if request.path.startswith(MACHINES):
        return _plain(request, 403, "permission_denied", "this is not allowed.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if request.path.startswith(MACHINES):
        detail = "there is no such address; /api/schema/ tells what there is."
        return _plain(request, 404, "not_found", detail)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if request.path.startswith(MACHINES):
        # Django calls this while it handles the error. A view's own transaction
        # begins and ends outside of REST framework's handler.
        if isinstance(sys.exception(), OperationalError | InterfaceError):
            answer = _plain(request, 503, "temporarily_unavailable", _NO_DATABASE)
            answer["Retry-After"] = str(RETRY_AFTER_S)
            return answer
        detail = (
            "this failed; it is in our logs. A POST is safe to repeat with the same "
            "Idempotency-Key."
        )
        return _plain(request, 500, "internal_error", detail)
    return defaults.server_error(request)
