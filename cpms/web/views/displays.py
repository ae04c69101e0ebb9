"""What a station's own display shows: the live certificate as a QR code.

Stations ask for these pages themselves (OCPP 2.0.1 O01, messages of format URI), so
nobody clicks here, and the language is that of the address.
"""

from http import HTTPStatus
from io import BytesIO
from typing import Final

import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from billing.services.guests import Offer
from charge_points.services import certificates
from cpms.web.pages import show
from cpms.web.prices import price_text
from cpms.web.views.codes import find_offer, refusal

LOOK_AGAIN_S: Final = 10
"""A display that was not told of the end of its certificate finds out by itself."""

QUIET_ZONE_MODULES: Final = 4
"""ISO/IEC 18004: without it readers find no code on a bright housing."""

PICTURE_SCALE: Final = 8
"""Pixels of a module where the picture has no frame to fill."""


def _picture(code: str) -> segno.QRCode:
    return segno.make(certificates.uri_of(code), error="m", micro=False)


def _offer(request: HttpRequest, code: str) -> Offer | None:
    """The offer of a live certificate; a label's code would make a new one."""
    return find_offer(request, code) if certificates.is_code(code) else None


@require_GET
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    """``/c/<short code>/display``: place, price and QR code, until it is used."""
    wanted = request.GET.get("language", "")
    language = wanted if wanted in dict(settings.LANGUAGES) else "en"
    with translation.override(language):
        found = _offer(request, code)
        if found is None:
            return show(request, "display.html", {}, status=HTTPStatus.NOT_FOUND)
        left = (found.certificate_expires_at or timezone.now()) - timezone.now()
        drawn = _picture(code).svg_inline(
            border=QUIET_ZONE_MODULES, dark="#000", light="#fff", omitsize=True
        )
        context = {
            "offer": found,
            "address": certificates.uri_of(code).partition("://")[2],
            "picture": SafeString(drawn),
            "prices": price_text(found.tariff),
            "again_s": min(LOOK_AGAIN_S, max(int(left.total_seconds()), 1)),
        }
        return show(request, "display.html", context)


@require_GET
def picture(request: HttpRequest, code: str) -> HttpResponse:
    """``/c/<short code>/qr.svg``: the QR code alone, while the certificate lives."""
    found = _offer(request, code)
    if found is None:
        return refusal(request)
    drawn = BytesIO()
    _picture(code).save(
        drawn,
        kind="svg",
        border=QUIET_ZONE_MODULES,
        scale=PICTURE_SCALE,
        dark="#000",
        light="#fff",
        xmldecl=False,
    )
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")
