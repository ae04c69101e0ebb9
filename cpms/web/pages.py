"""What every page of people shares: who looks, the running charge, refusals."""

from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from billing.services import guests, ordering
from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from cpms.web.charges import ENDED, stage_of
from cpms.web.problems import Problem

CHARGE_COOKIE: Final = "charge"
"""Remembers a guest's running charge on this phone, so that it finds back to it."""
CHARGE_COOKIE_S: Final = 86_400
REFRESH_S: Final = 5


def driver_of(request: HttpRequest) -> Driver | None:
    """The driver who is logged in here; None for guests and for pure staff."""
    user = request.user
    if not user.is_authenticated:
        return None
    with acting_as_platform("which driver is this user?"):
        return Driver.objects.filter(user_id=user.pk).first()


def show(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Render a page with what the layout needs."""
    context.setdefault("driver", driver_of(request))
    context.setdefault("refresh_s", REFRESH_S)
    context.setdefault("running", _running(request))
    return render(request, f"web/{template}", context, status=status)


def show_problem(
    request: HttpRequest, problem: Problem, *, status: int, **context: Any
) -> HttpResponse:
    """A page that says what is wrong and what to do."""
    return show(request, "problem.html", {"problem": problem, **context}, status=status)


def remember_charge(response: HttpResponse, token: str) -> None:
    """Keep the address of a charge on this phone."""
    response.set_cookie(
        CHARGE_COOKIE,
        token,
        max_age=CHARGE_COOKIE_S,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _running(request: HttpRequest) -> str:
    """The token of this phone's running charge, or ""."""
    token = request.COOKIES.get(CHARGE_COOKIE, "")
    if not token:
        return ""
    try:
        order = guests.by_live_token(token, at=timezone.now())
    except ordering.UnableToFindOrder:
        return ""
    return "" if stage_of(order) in ENDED else token
