"""The pages behind a code: of a printed label, or a live charging certificate."""

from http import HTTPStatus
from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.services import guests, offers, ordering
from billing.services.guests import Offer
from billing.services.placing import NO_METHOD_HERE
from charge_points.services import certificates
from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from cpms.web import limits
from cpms.web.pages import driver_of, remember_charge, show, show_problem
from cpms.web.prices import price_text
from cpms.web.problems import NOT_VALID, TOO_MANY, problem_of

CONNECTOR_NAMES: Final = {
    "IEC_62196_T2": "Type 2",
    "IEC_62196_T2_COMBO": "CCS 2",
    "IEC_62196_T1": "Type 1",
    "IEC_62196_T1_COMBO": "CCS 1",
    "CHADEMO": "CHAdeMO",
    "GBT_AC": "GB/T AC",
    "GBT_DC": "GB/T DC",
    "SAE_J3400": "NACS",
}
GONE: Final = (
    certificates.UnableToVerifyCertificate,
    certificates.UnableToClaim,
    offers.UnableToShowOffer,
)
"""What a guesser must not be able to tell apart."""
USED: Final = "certificate_already_claimed"
EXPIRED: Final = "certificate_expired"
_CERTIFICATES: Final = "/c/"
SCANNED: Final = "scanned"
SCANNED_S: Final = 30
"""How long a certificate's page knows which label led to it."""

PERSONAL: Final = frozenset({"spending_cap_reached", "hold_too_small"})
"""What keeps an account out where a guest may start."""


class GuestForm(forms.Form):
    """What a guest may tell; nothing is needed."""

    email = forms.EmailField(required=False, max_length=254)


@require_http_methods(["GET", "POST"])
def landing(request: HttpRequest) -> HttpResponse:
    """The first page; the code of a label can be typed in."""
    if request.method == "POST":
        typed = "".join(request.POST.get("code", "").split()).rstrip("/")
        code = typed.rpartition("/")[2][:64]
        if code:
            page = "label" if len(code) <= offers.LABEL_CHARS_MAX else "certificate"
            return redirect(f"web:{page}", code=code)
    return show(request, "landing.html", {})


@require_GET
def label(request: HttpRequest, code: str) -> HttpResponse:
    """``/q/<connector code>``: the printed label; leads to the live certificate."""
    found = find_offer(request, code)
    if found is None:
        return refusal(request)
    if found.certificate_code and found.payable:
        there = reverse("web:certificate", args=[found.certificate_code])
        answer = redirect(f"{there}?guest=1" if "guest" in request.GET else there)
        answer.set_cookie(
            SCANNED,
            code,
            max_age=SCANNED_S,
            path=_CERTIFICATES,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
        return answer
    return _show_offer(request, found, code, page="label")


@require_GET
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    """``/c/<short code>``: a live charging certificate."""
    found = find_offer(request, code)
    if found is None:
        return _scan_again(request, code) or refusal(request)
    return _show_offer(request, found, code, page="certificate")


@require_POST
def start(request: HttpRequest, page: str, code: str) -> HttpResponse:
    """Start as a guest (the provider's page follows) or with the account."""
    if limits.is_spent("code", limits.address_of(request)):
        return refusal(request)
    driver = driver_of(request)
    form = GuestForm(request.POST)
    as_guest = driver is None or "guest" in request.POST
    if as_guest and not form.is_valid():
        shown = find_offer(request, code, as_guest=True)
        if shown is None:
            return refusal(request)
        return _show_offer(request, shown, code, page=page, form=form)
    try:
        if driver is None or as_guest:
            token = _start_guest(
                code, form.cleaned_data["email"], request.POST.get("price", "")
            )
        else:
            token = _start_driver(driver, code, request.POST)
    except DomainError as error:
        return _refused(request, error, page=page, code=code)
    response = redirect("web:live", token=token)
    remember_charge(response, token)
    return response


def _scan_again(request: HttpRequest, code: str) -> HttpResponse | None:
    """Back to the label that led here: its charger has another certificate by now.

    A charger that asks for its certificate in the moment of the scan supersedes the one
    that the label led to; who stands there scanned the right thing.
    """
    scanned = request.COOKIES.get(SCANNED, "")
    is_label = scanned.isalnum() and len(scanned) <= offers.LABEL_CHARS_MAX
    if not is_label or limits.is_spent("code", limits.address_of(request)):
        return None
    try:
        with acting_as_platform("whether a certificate was one is asked by its holder"):
            certificates.verify(presented=code, at=timezone.now())
    except certificates.UnableToVerifyCertificate as error:
        if error.code != EXPIRED:
            return None
    else:
        return None
    answer = redirect("web:label", code=scanned)
    answer.delete_cookie(SCANNED, path=_CERTIFICATES)
    return answer


def _refused(
    request: HttpRequest, error: DomainError, *, page: str, code: str
) -> HttpResponse:
    """Why the start was refused; of codes that are not valid nothing is told."""
    if isinstance(error, GONE) or error.code == USED:
        _count_guess(request, error)
        return refusal(request)
    if error.code == NO_METHOD_HERE:
        messages.warning(request, str(problem_of(error.code).title))
        there = urlencode({"operator": error.extra["operator"]})
        return redirect(f"{reverse('web:methods')}?{there}")
    return show_problem(
        request,
        problem_of(error.code),
        status=error.status,
        back=("web:" + page, code),
    )


def _start_guest(code: str, email: str, price: str) -> str:
    begun = guests.start(
        code=code,
        locale=get_language() or "en",
        email=email or None,
        agreed_tariff=price,
        at=timezone.now(),
    )
    return begun.live_token


def _start_driver(driver: Driver, code: str, shown: QueryDict) -> str:
    """Claim with the account: the certificate itself, or a fresh one for a label.

    ``shown`` are hold and price as the page told them.
    """
    at = timezone.now()
    confirmed = shown.get("hold", "")
    hold_minor = int(confirmed) if confirmed.isascii() and confirmed.isdigit() else 0
    with acting_as_platform("a driver starts: the code says whose station it is"):
        spot = offers.find_spot(code, at=at)
        problem = offers.obstacle(spot)
        if problem is not None:
            raise ordering.UnableToStart(*problem)
        presented = code
        if spot.certificate is None:
            presented = offers.certificate_for_label(spot.view, at=at).code
        claim = ordering.Claim(
            presented=presented,
            proof=None,
            driver_id=driver.pk,
            idempotency_key="",
            confirmed_minor=hold_minor or None,
            agreed_tariff=shown.get("price", ""),
        )
        order = ordering.claim_certificate(claim=claim, at=at)
    return guests.live_token(order.number)


def find_offer(
    request: HttpRequest, code: str, *, as_guest: bool = False
) -> Offer | None:
    """The offer at the reader's own price; None for what is not valid now, counted."""
    if limits.is_spent("code", limits.address_of(request)):
        return None
    nobody = as_guest or "guest" in request.GET
    driver = None if nobody else driver_of(request)
    try:
        found = guests.offer(
            code=code,
            language=get_language() or "en",
            driver=driver,
            at=timezone.now(),
        )
    except GONE as error:
        _count_guess(request, error)
        return None
    return None if found.problem_code == USED else found


def _count_guess(request: HttpRequest, error: DomainError) -> None:
    """Count what never was a code; who comes late with a real one guesses nothing.

    Phones share network addresses: drivers whose certificates ran out must not lock
    each other out.
    """
    if error.code not in {EXPIRED, USED}:
        limits.count("code", limits.address_of(request))


def refusal(request: HttpRequest) -> HttpResponse:
    """One answer for unknown, expired and used codes."""
    if limits.is_spent("code", limits.address_of(request)):
        return show_problem(request, TOO_MANY, status=HTTPStatus.TOO_MANY_REQUESTS)
    return show_problem(request, NOT_VALID, status=HTTPStatus.NOT_FOUND)


def _show_offer(
    request: HttpRequest,
    found: Offer,
    code: str,
    *,
    page: str,
    form: GuestForm | None = None,
) -> HttpResponse:
    remaining_s = None
    if page == "certificate" and found.certificate_expires_at is not None:
        left = found.certificate_expires_at - timezone.now()
        remaining_s = max(int(left.total_seconds()), 1)
    context = {
        "offer": found,
        "code": code,
        "page": page,
        "form": form,
        "prices": price_text(found.tariff),
        "connector_name": CONNECTOR_NAMES.get(found.connector_type, ""),
        "personal": PERSONAL,
        "as_guest": form is not None or "guest" in request.GET,
        "problem": None if found.payable else problem_of(found.problem_code or ""),
        "remaining_s": remaining_s,
    }
    return show(request, "offer.html", context)
