"""The vehicles of an account: add, cap, share, hand over, remove."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import segno
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cpms.accounts.models import Driver, Vehicle
from cpms.accounts.services import vehicle_sharing as sharing, vehicles as services
from cpms.accounts.tenancy import acting_as_driver, acting_as_platform
from cpms.kernel.errors import DomainError
from cpms.web import limits
from cpms.web.forms import (
    RenewalForm,
    ShareForm,
    TakeOverForm,
    VehicleForm,
    VehicleSettingsForm as CapsForm,
)
from cpms.web.pages import show
from cpms.web.views.account import of_driver

RENEW_BEFORE: Final = timedelta(days=60)
"""So long before its end a certificate is shown as ending."""


def _status(*forms: Any) -> HTTPStatus:
    wrong = any(form.errors for form in forms)
    return HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK


def _words(code: str) -> str:
    """A refusal in the reader's words, with what to do."""
    return {
        "vehicle_enrolled_already": _(
            "This key is enrolled already. A vehicle that changes its owner is removed "
            "from the old account first."
        ),
        "too_many_vehicles": _("The account is full; remove a vehicle first."),
        "vehicle_key_unsupported": _(
            "The key must be an elliptic curve key on P-256, P-384 or P-521."
        ),
        "unknown_driver": _(
            "There is no other account with this address. Ask the other driver to open "
            "one first."
        ),
        "too_many_shares": _("The vehicle has too many drivers; remove one first."),
        "transfer_code_invalid": _(
            "This code is unknown, used or too old. Ask the owner for a new one."
        ),
    }.get(code, _("This is no usable public key or signing request."))


@require_http_methods(["GET", "POST"])
@of_driver
def vehicles(request: HttpRequest, driver: Driver) -> HttpResponse:
    """The vehicles; a new one is enrolled by key or signing request."""
    form = VehicleForm(request.POST or None)
    if form.is_valid():
        pem = form.cleaned_data["pem"].strip() + "\n"
        is_csr = "CERTIFICATE REQUEST" in pem
        try:
            with acting_as_platform("the vehicle CA signs for a driver"):
                services.enrol(
                    driver_id=driver.pk,
                    label=form.cleaned_data["label"],
                    public_key_pem="" if is_csr else pem,
                    csr_pem=pem if is_csr else "",
                    at=timezone.now(),
                )
        except services.UnableToEnrolVehicle as error:
            form.add_error("pem", _words(error.code))
        else:
            messages.success(request, _("The vehicle was added."))
            return redirect("web:vehicles")
    with acting_as_driver(driver.pk):
        rows = list(
            Vehicle.objects.filter(
                driver_id=driver.pk, status=Vehicle.Status.ACTIVE
            ).order_by("pk")
        )
    context = {
        "driver": driver,
        "vehicles": rows,
        "shared": sharing.shared_with(driver.pk),
        "form": form,
        "tab": "vehicles",
    }
    return show(request, "account/vehicles.html", context, status=_status(form))


def _own(driver: Driver, vehicle_id: int) -> Vehicle:
    with acting_as_driver(driver.pk):
        row = Vehicle.objects.filter(
            pk=vehicle_id, driver_id=driver.pk, status=Vehicle.Status.ACTIVE
        ).first()
    if row is None:
        raise Http404("You have no active vehicle with this id.")
    return row


def _page(
    request: HttpRequest,
    driver: Driver,
    vehicle: Vehicle,
    *,
    form: CapsForm | None = None,
    share_form: ShareForm | None = None,
    renewal_form: RenewalForm | None = None,
) -> HttpResponse:
    form = form or CapsForm(initial=CapsForm.begin(vehicle))
    share_form = share_form or ShareForm()
    renewal_form = renewal_form or RenewalForm()
    expires_at = vehicle.certificate_expires_at
    context = {
        "driver": driver,
        "vehicle": vehicle,
        "form": form,
        "share_form": share_form,
        "renewal_form": renewal_form,
        "is_ending": bool(expires_at and expires_at - timezone.now() < RENEW_BEFORE),
        "drivers": sharing.drivers_of(driver_id=driver.pk, vehicle_id=vehicle.pk),
        "tab": "vehicles",
    }
    status = _status(form, share_form, renewal_form)
    return show(request, "account/vehicle.html", context, status=status)


@require_http_methods(["GET", "POST"])
@of_driver
def vehicle(request: HttpRequest, driver: Driver, vehicle_id: int) -> HttpResponse:
    """One vehicle: its name, what it may spend, who else drives it."""
    row = _own(driver, vehicle_id)
    if request.method == "GET":
        return _page(request, driver, row)
    form = CapsForm(request.POST)
    if not form.is_valid():
        return _page(request, driver, row, form=form)
    with acting_as_driver(driver.pk):
        Vehicle.objects.filter(pk=row.pk, driver_id=driver.pk).update(
            label=form.cleaned_data["label"],
            cap_currency=form.cleaned_data["cap_currency"],
            **form.vehicle_caps,
        )
    messages.success(request, _("Saved."))
    return redirect("web:vehicle", row.pk)


@require_POST
@of_driver
def share(request: HttpRequest, driver: Driver, vehicle_id: int) -> HttpResponse:
    """Let another account use the vehicle."""
    row = _own(driver, vehicle_id)
    form = ShareForm(request.POST)
    if limits.is_spent("account", driver.email):
        form.add_error("email", _("Too many tries; come back in some minutes."))
    elif form.is_valid():
        try:
            sharing.share(
                driver_id=driver.pk,
                vehicle_id=row.pk,
                email=form.cleaned_data["email"],
                at=timezone.now(),
            )
        except sharing.UnableToShare as error:
            limits.count("account", driver.email)
            form.add_error("email", _words(error.code))
        else:
            messages.success(request, _("The vehicle is shared."))
            return redirect("web:vehicle", row.pk)
    return _page(request, driver, row, share_form=form)


@require_POST
@of_driver
def unshare(
    request: HttpRequest, driver: Driver, vehicle_id: int, other_id: int
) -> HttpResponse:
    """End a share: the owner anybody's, a further driver the own one."""
    sharing.unshare(driver_id=driver.pk, vehicle_id=vehicle_id, other_id=other_id)
    messages.success(request, _("The vehicle is no longer shared."))
    if other_id == driver.pk:
        return redirect("web:vehicles")
    return redirect("web:vehicle", vehicle_id)


@require_POST
@of_driver
def payer(request: HttpRequest, driver: Driver, vehicle_id: int) -> HttpResponse:
    """A further driver pays from now on, or the owner again."""
    try:
        if "take" in request.POST:
            sharing.take_over(driver_id=driver.pk, vehicle_id=vehicle_id)
            messages.success(request, _("You pay for this vehicle from now on."))
        else:
            sharing.give_back(driver_id=driver.pk, vehicle_id=vehicle_id)
            messages.success(request, _("The owner pays for this vehicle again."))
    except services.UnableToFindVehicle as error:
        raise Http404(error.message) from error
    return redirect("web:vehicles")


@require_POST
@of_driver
def hand_over(request: HttpRequest, driver: Driver, vehicle_id: int) -> HttpResponse:
    """Show the code, once, that hands the vehicle to its next owner."""
    row = _own(driver, vehicle_id)
    offer = sharing.offer_transfer(
        driver_id=driver.pk, vehicle_id=row.pk, at=timezone.now()
    )
    there = reverse("web:vehicle-take-over")
    address = f"{settings.PUBLIC_BASE_URL}{there}?{urlencode({'code': offer.code})}"
    drawn = segno.make(address, error="m", micro=False).svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True
    )
    context = {
        "driver": driver,
        "vehicle": row,
        "offer": offer,
        "picture": SafeString(drawn),
        "tab": "vehicles",
    }
    return show(request, "account/hand_over.html", context)


@require_http_methods(["GET", "POST"])
@of_driver
def take_over(request: HttpRequest, driver: Driver) -> HttpResponse:
    """Add a vehicle by the code or QR code of its former owner."""
    begin = {"code": request.GET.get("code", "")[:64]}
    form = TakeOverForm(request.POST or None, initial=begin)
    if form.is_valid():
        try:
            _taken(driver, form)
        except DomainError as error:
            limits.count("account", driver.email)
            form.add_error("code", _words(error.code))
        else:
            messages.success(request, _("The vehicle was added."))
            return redirect("web:vehicles")
    context = {"driver": driver, "form": form, "tab": "vehicles"}
    return show(request, "account/take_over.html", context, status=_status(form))


def _taken(driver: Driver, form: TakeOverForm) -> None:
    if limits.is_spent("account", driver.email):
        raise sharing.UnableToTransfer("transfer_code_invalid", "Too many tries.")
    sharing.accept_transfer(
        driver_id=driver.pk,
        code=form.cleaned_data["code"].strip(),
        label=form.cleaned_data["label"],
        at=timezone.now(),
    )


@require_POST
@of_driver
def remove(request: HttpRequest, driver: Driver, vehicle_id: int) -> HttpResponse:
    """Revoke a vehicle: its proofs are refused from now on."""
    with acting_as_driver(driver.pk):
        services.revoke(driver_id=driver.pk, vehicle_id=vehicle_id, at=timezone.now())
    messages.success(request, _("The vehicle was removed."))
    return redirect("web:vehicles")


@require_POST
@of_driver
def renew(request: HttpRequest, driver: Driver, vehicle_id: int) -> HttpResponse:
    """Renew the vehicle's certificate by a signing request."""
    row = _own(driver, vehicle_id)
    form = RenewalForm(request.POST)
    if form.is_valid():
        try:
            with acting_as_platform("the vehicle CA signs for a driver"):
                services.renew(
                    driver_id=driver.pk,
                    vehicle_id=row.pk,
                    csr_pem=form.cleaned_data["csr"].strip() + "\n",
                    at=timezone.now(),
                )
        except services.UnableToEnrolVehicle as error:
            form.add_error("csr", _words(error.code))
        else:
            messages.success(request, _("The certificate was renewed."))
            return redirect("web:vehicle", row.pk)
    return _page(request, driver, row, renewal_form=form)


@require_GET
@of_driver
def certificate_of(
    request: HttpRequest,  # noqa: ARG001 - a view
    driver: Driver,
    vehicle_id: int,
) -> HttpResponse:
    """The vehicle's certificate as a file."""
    with acting_as_driver(driver.pk):
        row = Vehicle.objects.filter(pk=vehicle_id, driver_id=driver.pk).first()
    if row is None or not row.certificate_pem:
        return redirect("web:vehicles")
    name = f"vehicle-{row.pk}.pem"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(
        row.certificate_pem, content_type="application/x-pem-file", headers=headers
    )
