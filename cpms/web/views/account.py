"""The account: charges, settings, data, deletion."""

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
from django.utils.translation import gettext as _, override
from django.views.decorators.http import require_GET, require_http_methods

from billing.models import Order, Receipt
from billing.services import guests, standing
from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_driver, acting_as_platform
from cpms.web import limits
from cpms.web.erasure import UnableToDeleteAccount, delete_account
from cpms.web.export import data_of
from cpms.web.forms import DeletionForm, SettingsForm, settings_of
from cpms.web.pages import driver_of, show
from cpms.web.problems import problem_of
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
        in_the_way = standing.obstacle(driver, at=timezone.now())
    charges = [
        {
            "order": order,
            "token": guests.live_token(order.number),
            "has_receipt": order.pk in receipts,
            "is_live": order.state in {"CREATED", "STARTING", "CHARGING"},
        }
        for order in found
    ]
    context = {
        "driver": driver,
        "charges": charges,
        "page": page,
        "tab": "history",
        "problem": problem_of(in_the_way.code) if in_the_way else None,
        "pay_url": in_the_way.pay_url if in_the_way else None,
    }
    return show(request, "account/history.html", context)


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
        with override(values["locale"]):
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
