"""Logging in, signing up, logging out."""

from http import HTTPStatus

from django import forms
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cpms.accounts.models import Driver, User
from cpms.accounts.services import drivers
from cpms.accounts.tenancy import acting_as_platform
from cpms.web import limits
from cpms.web.forms import LogInForm, SignUpForm
from cpms.web.pages import show, show_problem
from cpms.web.problems import TOO_MANY


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: an address of ours, else the account."""
    there = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(there, allowed_hosts=None)
    return there if ours and there != "/" else "/account/"


def _form_page(
    request: HttpRequest, template: str, form: forms.Form, *, status: int
) -> HttpResponse:
    context = {"form": form, "next": _next(request)}
    return show(request, f"account/{template}", context, status=status)


def _user_of(request: HttpRequest, email: str, password: str) -> User | None:
    """The driver's user, if address and password are right."""
    with acting_as_platform("log-in"):
        user = authenticate(request, username=email.lower(), password=password)
        if not isinstance(user, User):
            return None
        return user if Driver.objects.filter(user=user).exists() else None


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Log a driver in; wrong address and wrong password look the same."""
    if request.method == "GET":
        return _form_page(request, "log_in.html", LogInForm(), status=HTTPStatus.OK)
    form = LogInForm(request.POST)
    if not form.is_valid():
        return _form_page(
            request, "log_in.html", form, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    email = form.cleaned_data["email"]
    keys = (("log_in", limits.address_of(request)), ("account", email.lower()))
    if any(limits.is_spent(*key) for key in keys):
        return show_problem(request, TOO_MANY, status=HTTPStatus.TOO_MANY_REQUESTS)
    user = _user_of(request, email, form.cleaned_data["password"])
    if user is None:
        for key in keys:
            limits.count(*key)
        form.add_error(None, _("The address or the password is not right."))
        return _form_page(
            request, "log_in.html", form, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    login(request, user)
    return redirect(_next(request))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Open an account and log in."""
    if request.method == "GET":
        return _form_page(request, "sign_up.html", SignUpForm(), status=HTTPStatus.OK)
    address = limits.address_of(request)
    if limits.is_spent("sign_up", address):
        return show_problem(request, TOO_MANY, status=HTTPStatus.TOO_MANY_REQUESTS)
    limits.count("sign_up", address)
    form = SignUpForm(request.POST)
    if form.is_valid():
        try:
            _open(request, form)
        except drivers.UnableToSignUp as error:
            if error.code == "email_taken":
                form.add_error(
                    "email", _("There is an account with this address; log in.")
                )
            else:
                form.add_error("password", error.message)
        else:
            return redirect(_next(request))
    return _form_page(
        request, "sign_up.html", form, status=HTTPStatus.UNPROCESSABLE_ENTITY
    )


def _open(request: HttpRequest, form: SignUpForm) -> None:
    at = timezone.now()
    with acting_as_platform("sign-up"):
        issued = drivers.sign_up(
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password"],
            locale=get_language() or "en",
            at=at,
        )
        drivers.revoke_token(token=issued.token, at=at)  # pages have a session
        user = Driver.objects.select_related("user").get(pk=issued.driver_id).user
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("web:landing")
