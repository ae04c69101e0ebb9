"""Payment: methods saved on the provider's page, and links that pay a debt."""

from http import HTTPStatus
from typing import Final

import structlog
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext as _, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing.services import cards, pay_links, paying
from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from cpms.web import limits
from cpms.web.pages import show, show_problem
from cpms.web.problems import TOO_MANY, Problem
from cpms.web.views.account import of_driver
from settlement.services import (
    method_choices,
    method_pages,
    methods,
    own_key_operators,
)

log = structlog.get_logger(__name__)

NO_DEBT: Final = Problem(
    gettext_lazy("There is nothing to pay at this address"),
    gettext_lazy("Please check the address of the link."),
    "stop",
)


@require_POST
@of_driver
def add_method(request: HttpRequest, driver: Driver) -> HttpResponse:
    """Open the provider's page that saves a card, and lead there."""
    wanted = cards.Wanted(
        operator_code=request.POST.get("operator", ""), locale=get_language() or "en"
    )
    try:
        page = cards.open_page(driver_id=driver.pk, wanted=wanted, at=timezone.now())
    except DomainError:
        messages.error(
            request, _("The payment provider does not answer now; try again later.")
        )
        return redirect("web:methods")
    request.session["method_page"] = page.id
    # A form may lead to our own pages only (form-action), so a page leads on.
    return show(request, "away.html", {"driver": driver, "url": page.url})


@require_GET
@of_driver
def payment_methods(request: HttpRequest, driver: Driver) -> HttpResponse:
    """The saved payment methods; back from the provider's page, the new one too."""
    page_id = request.session.get("method_page")
    if page_id is not None and "saved" in request.GET:
        try:
            saved = method_pages.finish(
                driver_id=driver.pk, page_id=page_id, at=timezone.now()
            )
        except Exception as error:  # noqa: BLE001 - the provider's own kinds
            log.warning("method_page_not_asked", page=page_id, error=str(error))
            saved = None  # a worker asks again
        if saved is not None:
            del request.session["method_page"]
            messages.success(request, _("The payment method was saved."))
            return redirect("web:methods")
    context = {
        "driver": driver,
        "methods": methods.list_for(driver.pk),
        "tab": "methods",
        "is_waiting": "saved" in request.GET,
        "operator": cards.operator_named(request.GET.get("operator", "")),
        "own_key_operators": own_key_operators.all_of_them(),
    }
    return show(request, "account/methods.html", context)


@require_POST
@of_driver
def change_method(
    request: HttpRequest, driver: Driver, payment_method_id: int
) -> HttpResponse:
    """Use a method for charges, or remove it."""
    at = timezone.now()
    if "remove" in request.POST:
        any_left = method_choices.remove(
            driver_id=driver.pk, payment_method_id=payment_method_id, at=at
        )
        if not any_left:
            with acting_as_platform("tokens of a driver without a card"):
                paying.set_can_pay(driver.pk, can_pay=False, at=at)
        messages.success(request, _("The payment method was removed."))
    else:
        method_choices.make_default(
            driver_id=driver.pk, payment_method_id=payment_method_id
        )
        messages.success(request, _("Saved."))
    return redirect("web:methods")


@require_http_methods(["GET", "POST"])
def debt(request: HttpRequest, token: str) -> HttpResponse:
    """``/pay/<token>``: what is owed, and the way to the provider's page."""
    address = limits.address_of(request)
    if limits.is_spent("code", address):
        return show_problem(request, TOO_MANY, status=HTTPStatus.TOO_MANY_REQUESTS)
    problem = ""
    wants = request.method == "POST" or "wait" in request.GET
    try:
        found = pay_links.look(token)
        if wants and found.amount_minor:
            found = pay_links.pay(
                token, locale=get_language() or "en", at=timezone.now()
            )
    except pay_links.UnableToFindDebt:
        limits.count("code", address)
        return show_problem(request, NO_DEBT, status=HTTPStatus.NOT_FOUND)
    except DomainError as error:
        found, problem = pay_links.look(token), error.code
    if request.method == "POST" and not problem:
        return redirect(f"{reverse('web:pay', args=[token])}?wait=1")
    if wants and found.action_url:
        return redirect(found.action_url)
    context = {"debt": found, "problem": problem, "is_waiting": wants and not problem}
    return show(request, "pay.html", context)
