"""The page of a charge: payment, live values, stop, receipt."""

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from billing.services import guests, ordering
from billing.services.documents.amounts import line_amount, rounding_of
from cpms.web import limits
from cpms.web.charges import (
    Charge,
    document_pdf_of,
    find_charge,
    label_of,
    receipt_of,
    receipt_pdf_of,
)
from cpms.web.figures import amount_text, decimal_text
from cpms.web.pages import remember_charge, show, show_problem
from cpms.web.prices import price_text
from cpms.web.problems import TOO_MANY, Problem

NEXT_EVENT_MS: Final = 3000
"""After so long a browser asks again. Each answer carries one event and ends: no
thread and no database connection waits with a phone in a pocket."""
SENT_COOKIE: Final = "sent-to-pay"
SENT_COOKIE_S: Final = 3600

UNITS: Final = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "FLAT": ""}
DIMENSIONS: Final = {
    "ENERGY": _("Energy"),
    "TIME": _("Charging time"),
    "PARKING_TIME": _("Parking after charging"),
    "FLAT": _("Start fee"),
}

NO_CHARGE: Final = Problem(
    _("There is no charge at this address"),
    _("Please check the address, or scan the code on the charger again."),
    "stop",
)


def _find(request: HttpRequest, token: str) -> Charge | None:
    address = limits.address_of(request)
    if limits.is_spent("code", address):
        return None
    try:
        return find_charge(token, at=timezone.now())
    except ordering.UnableToFindOrder:
        limits.count("code", address)
        return None


def _refusal(request: HttpRequest) -> HttpResponse:
    if limits.is_spent("code", limits.address_of(request)):
        return show_problem(request, TOO_MANY, status=HTTPStatus.TOO_MANY_REQUESTS)
    return show_problem(request, NO_CHARGE, status=HTTPStatus.NOT_FOUND)


@require_GET
def live(request: HttpRequest, token: str) -> HttpResponse:
    """The charge as it stands; to the payment page once, as soon as there is one."""
    charge = _find(request, token)
    if charge is None:
        return _refusal(request)
    number = charge.order.order_number
    url = charge.order.action_url if charge.stage == "pay" else None
    if url and request.COOKIES.get(SENT_COOKIE) != number:
        away = redirect(url)
        away.set_cookie(
            SENT_COOKIE,
            number,
            max_age=SENT_COOKIE_S,
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )
        remember_charge(away, token)
        return away
    context = {
        "charge": charge,
        "order": charge.order,
        "token": token,
        "running": "",
        "label_code": label_of(charge),
        "prices": price_text(charge.order.tariff),
    }
    return show(request, "live.html", context)


@require_GET
def events(request: HttpRequest, token: str) -> HttpResponse:
    """Server-sent events: the values now, and the mark of the page they belong to."""
    charge = _find(request, token)
    if charge is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)  # ends the asking
    told = {"mark": charge.mark, "values": charge.values, "plot": charge.plot}
    body = f"retry: {NEXT_EVENT_MS}\ndata: {json.dumps(told)}\n\n"
    response = HttpResponse(body, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the charge; one that has ended meanwhile is just shown."""
    try:
        guests.stop(live_token=token, at=timezone.now())
    except ordering.UnableToFindOrder:
        return _refusal(request)
    except ordering.UnableToStop:
        pass
    return redirect("web:live", token=token)


@require_GET
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The receipt, made to be read and printed."""
    charge = _find(request, token)
    if charge is None:
        return _refusal(request)
    body = receipt_of(charge.order.order_number)
    if body is None:
        return redirect("web:live", token=token)
    context = {
        "receipt": body,
        "order": charge.order,
        "token": token,
        "plot": charge.plot,
        "lines": _lines(body),
    }
    return show(request, "receipt.html", context)


@require_GET
def receipt_document(request: HttpRequest, token: str) -> HttpResponse:
    """The receipt as PDF, in the reader's language."""
    charge = _find(request, token)
    if charge is None:
        return _refusal(request)
    number = charge.order.order_number
    pdf = receipt_pdf_of(number, get_language() or "en")
    return _pdf(pdf, f"receipt-{number}.pdf", token)


@require_GET
def document(request: HttpRequest, token: str, kind: str, number: int) -> HttpResponse:
    """A receipt that was replaced, or a credit note, as PDF."""
    charge = _find(request, token)
    if charge is None:
        return _refusal(request)
    order_number = charge.order.order_number
    pdf = document_pdf_of(order_number, kind, number, get_language() or "en")
    return _pdf(pdf, f"{kind}-{number}-{order_number}.pdf", token)


def _pdf(pdf: bytes | None, name: str, token: str) -> HttpResponse:
    if pdf is None:
        return redirect("web:live", token=token)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _lines(body: dict[str, Any]) -> list[dict[str, Any]]:
    currency = body["currency"]
    lines = [_line(line, currency) for line in body["lines"]]
    if rounding := rounding_of(body):
        amount = amount_text(rounding, currency)
        lines.append({"name": _("Rounding"), "volume": "", "amount": amount})
    return lines


def _line(line: dict[str, Any], currency: str) -> dict[str, Any]:
    """A price line to read: what, how much of it, and its amount with taxes."""
    volume = decimal_text(Decimal(line["billed_volume"]).normalize() + 0)
    unit = UNITS[line["dimension"]]
    return {
        "name": DIMENSIONS[line["dimension"]],
        "volume": f"{volume} {unit}" if unit else "",
        "amount": amount_text(line_amount(line, currency), currency),
    }
