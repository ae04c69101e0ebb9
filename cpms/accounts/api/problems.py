"""Errors as problem+json (RFC 9457) with stable codes."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from cpms.kernel.errors import DomainError

CONTENT_TYPE: Final = "application/problem+json"
TITLES: Final = {
    400: "The request is not right",
    401: "Not authenticated",
    402: "The payment was declined",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible in this state",
    410: "Gone",
    415: "Unsupported media type",
    422: "The data is not right",
    429: "Too many requests",
    503: "Not available now",
}


def problem(
    status: int, code: str, detail: str, *, extra: dict[str, Any] | None = None
) -> Response:
    """A problem+json response."""
    body = {
        "type": f"urn:cpms:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        **(extra or {}),
    }
    response = Response(body, status=status, content_type=CONTENT_TYPE)
    response.exception = True
    return response


def problem_json(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: one shape for every refusal."""
    if isinstance(error, DomainError):
        extra = {k: v for k, v in error.extra.items() if k != "http_status"}
        return problem(error.status, error.code, error.message, extra=extra)
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
