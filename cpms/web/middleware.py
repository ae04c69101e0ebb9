"""Headers that keep the drivers' pages to themselves."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

ELSEWHERE: Final = ("/admin/", "/api/", "/static/", "/webhooks/", "/ocpi/")
"""Addresses with rules of their own."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class PageHeadersMiddleware:
    """Content-Security-Policy, Referrer-Policy and caching of people's pages.

    The addresses hold secrets (certificate, live token), so no other site is told
    where a visitor came from, and no cache keeps a page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers, unless the view set its own."""
        response = self.get_response(request)
        if request.path.startswith(ELSEWHERE):
            return response
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=()"
        )
        if request.resolver_match is not None:
            response.headers.setdefault("Cache-Control", "no-store")
        return response
