"""The language of the pages, kept in a cookie and, with an account, there."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST

from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_driver
from cpms.web.pages import driver_of

COOKIE_S: Final = 365 * 86_400


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language and go back to where the reader was."""
    there = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        there = "/"
    response = redirect(there)
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES) and check_for_language(code):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=COOKIE_S,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        driver = driver_of(request)
        if driver is not None:
            with acting_as_driver(driver.pk):
                Driver.objects.filter(pk=driver.pk).update(locale=code)
    return response
