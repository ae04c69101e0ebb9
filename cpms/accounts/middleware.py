"""Row level security for pages of staff (the admin)."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from cpms.accounts.services.second_factor import is_waiting
from cpms.accounts.services.staff import operator_ids_of
from cpms.accounts.tenancy import acting_as_platform, set_scope

ADMIN_PREFIX: Final = "/admin/"
API_PREFIX: Final = "/api/v1/"


class ConditionalReadMiddleware(ConditionalGetMiddleware):
    """ETags of what REST shows: who knows it already gets 304 (RFC 9110, 13.1.2).

    Answers differ by who asks, so nobody in between may keep one.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Compare with what the caller has."""
        reads = request.method in {"GET", "HEAD"}
        if not reads or not request.path.startswith(API_PREFIX):
            return response
        patch_vary_headers(response, ("Authorization", "Cookie"))
        if "Cache-Control" not in response:
            response["Cache-Control"] = "private, no-cache"
        return super().process_response(request, response)


class TenancyMiddleware:
    """Wrap each admin request of a logged-in user in its operators' scope.

    The whole request is one database transaction: an error leaves nothing
    half-done.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request inside its scope."""
        if not request.path.startswith(ADMIN_PREFIX):
            return self.get_response(request)
        user = request.user
        if not user.is_authenticated:
            return self.get_response(request)
        with transaction.atomic():
            with acting_as_platform("which operators is this user a member of?"):
                ids = operator_ids_of(user_id=user.pk)
            role = "platform" if user.is_superuser else "operator"
            set_scope(role=role, operator_ids=ids)
            request.operator_ids = ids  # type: ignore[attr-defined]
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
            return response


class SecondFactorMiddleware:
    """Keep a session with the password alone at the page of the second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send it there, or on."""
        if self._is_half_way(request):
            page = reverse("console:second_factor")
            query = urlencode({"next": request.path})
            return HttpResponseRedirect(f"{page}?{query}")
        return self.get_response(request)

    def _is_half_way(self, request: HttpRequest) -> bool:
        if not request.path.startswith(ADMIN_PREFIX) or request.path in {
            reverse("console:second_factor"),
            reverse("admin:login"),
            reverse("admin:logout"),
            reverse("admin:jsi18n"),
        }:
            return False
        user = request.user
        return user.is_authenticated and user.is_staff and is_waiting(user)
