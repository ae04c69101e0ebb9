"""The account: charges, payment methods, vehicles, settings, data."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.models import Order, Receipt
from billing.services import guests, standing
from cpms.accounts.models import Driver, Vehicle
from cpms.accounts.services import vehicles as vehicle_services
from cpms.accounts.tenancy import acting_as_driver, acting_as_platform
from cpms.web import limits
from cpms.web.erasure import UnableToDeleteAccount, delete_account
from cpms.web.export import data_of
from cpms.web.forms import DeletionForm, SettingsForm, VehicleForm, settings_of
from cpms.web.pages import driver_of, show
from cpms.web.views.language import COOKIE_S

PAGE_SIZE: Final = 20
P = ParamSpec("P")
_View = Callable[Concatenate[HttpRequest, Driver, P], HttpResponse]


def of_driver(view: _View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let drivers in who are logged in; others log in first and come back."""

    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        driver = driver_of(request)
        if driver is None:
            there = urlencode({"next": request.path})
            return redirect(f"{reverse('web:log-in')}?{there}")
        return view(request, driver, *args, **kwargs)

    return guarded


@require_GET
@of_driver
def history(request: HttpRequest, driver: Driver) -> HttpResponse:
    """The driver's charges, newest first, with their receipts."""
    with acting_as_platform("a driver's own charges, with the operators' names"):
        rows = (
            Order.objects.filter(driver_id=driver.pk)
            .select_related("operator")
            .order_by("-pk")
        )
        page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
        found = list(page.object_list)
        ids = [order.pk for order in found]
        receipts = set(
            Receipt.objects.filter(order_id__in=ids).values_list("order_id", flat=True)
        )
    charges = [
        {
            "order": order,
            "token": guests.live_token(order.number),
            "has_receipt": order.pk in receipts,
            "is_live": order.state in {"CREATED", "STARTING", "CHARGING"},
        }
        for order in found
    ]
    context = {"driver": driver, "charges": charges, "page": page, "tab": "history"}
    return show(request, "account/history.html", context)


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
                vehicle_services.enrol(
                    driver_id=driver.pk,
                    label=form.cleaned_data["label"],
                    public_key_pem="" if is_csr else pem,
                    csr_pem=pem if is_csr else "",
                    at=timezone.now(),
                )
        except vehicle_services.UnableToEnrolVehicle as error:
            form.add_error("pem", _enrolment_problem(error.code))
        else:
            messages.success(request, _("The vehicle was added."))
            return redirect("web:vehicles")
    with acting_as_driver(driver.pk):
        rows = list(
            Vehicle.objects.filter(
                driver_id=driver.pk, status=Vehicle.Status.ACTIVE
            ).order_by("pk")
        )
    context = {"driver": driver, "vehicles": rows, "form": form, "tab": "vehicles"}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return show(request, "account/vehicles.html", context, status=status)


def _enrolment_problem(code: str) -> str:
    return {
        "vehicle_enrolled_already": _(
            "This key is enrolled already. A vehicle that changes its owner is removed "
            "from the old account first."
        ),
        "too_many_vehicles": _("The account is full; remove a vehicle first."),
        "vehicle_key_unsupported": _(
            "The key must be an elliptic curve key on P-256, P-384 or P-521."
        ),
    }.get(code, _("This is no usable public key or signing request."))


@require_POST
@of_driver
def remove_vehicle(
    request: HttpRequest, driver: Driver, vehicle_id: int
) -> HttpResponse:
    """Revoke a vehicle: its proofs are refused from now on."""
    with acting_as_driver(driver.pk):
        vehicle_services.revoke(
            driver_id=driver.pk, vehicle_id=vehicle_id, at=timezone.now()
        )
    messages.success(request, _("The vehicle was removed."))
    return redirect("web:vehicles")


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


@require_http_methods(["GET", "POST"])
@of_driver
def preferences(request: HttpRequest, driver: Driver) -> HttpResponse:
    """Language and spending cap."""
    begin = settings_of(driver)
    form = SettingsForm(request.POST or None, initial=begin)
    if form.is_valid():
        values: dict[str, Any] = {
            "locale": form.cleaned_data["locale"],
            **form.caps,
            "cap_currency": form.cleaned_data["cap_currency"],
        }
        with acting_as_driver(driver.pk):
            Driver.objects.filter(pk=driver.pk).update(**values)
        with acting_as_platform("tokens of a driver whose caps changed"):
            standing.refresh(driver.pk, at=timezone.now())
        messages.success(request, _("Saved."))
        response = redirect("web:preferences")
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            values["locale"],
            max_age=COOKIE_S,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response
    context = {"driver": driver, "form": form, "tab": "preferences"}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return show(request, "account/preferences.html", context, status=status)


@require_http_methods(["GET", "POST"])
@of_driver
def delete(request: HttpRequest, driver: Driver) -> HttpResponse:
    """Delete the account, after the password was typed once more."""
    form = DeletionForm(request.POST or None)
    if form.is_valid():
        spent = limits.is_spent("account", driver.email)
        if spent or not request.user.check_password(form.cleaned_data["password"]):
            limits.count("account", driver.email)
            form.add_error("password", _("The password is not right."))
        else:
            try:
                delete_account(driver_id=driver.pk, at=timezone.now())
            except UnableToDeleteAccount as error:
                form.add_error(None, _deletion_problem(error.code))
            else:
                logout(request)
                messages.success(request, _("Your account was deleted."))
                return redirect("web:landing")
    context = {"driver": driver, "form": form, "tab": "preferences"}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return show(request, "account/delete.html", context, status=status)


def _deletion_problem(code: str) -> str:
    return {
        "charge_running": _(
            "A charge is not finished. Wait until it has its receipt, then delete the "
            "account."
        ),
        "charge_unpaid": _("A charge is not paid. Pay it first."),
    }.get(code, _("This account cannot be deleted here; ask the operator."))


@require_GET
@of_driver
def export(request: HttpRequest, driver: Driver) -> HttpResponse:  # noqa: ARG001 - a view
    """Everything that is kept about the driver, as JSON."""
    answer = JsonResponse(data_of(driver), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer
