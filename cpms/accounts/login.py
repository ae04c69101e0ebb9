"""How staff log in: the password's form and the pages of the second factor."""

from typing import Any, Final

import segno
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AuthenticationForm

from cpms.accounts.guesses import address_of, count, is_spent
from cpms.accounts.models import User
from cpms.accounts.services import second_factor

CODE_CHARS_MAX: Final = 20


class StaffLoginForm(AuthenticationForm):  # type: ignore[misc]  # unfold is untyped
    """The admin's form; guessing passwords ends after a few wrong ones."""

    def clean(self) -> dict[str, Any]:
        """Check the password, unless this account or address was wrong too often."""
        name = str(self.cleaned_data.get("username", "")).lower()
        keys = (("staff", name), ("staff_address", address_of(self.request)))
        if any(is_spent(*key) for key in keys):
            raise ValidationError(
                _("Too many wrong passwords. Wait ten minutes, then try again."),
                code="too_many",
            )
        try:
            return dict(super().clean())
        except ValidationError:
            for key in keys:
                count(*key)
            raise


class CodeForm(forms.Form):
    """One code."""

    code = forms.CharField(
        max_length=CODE_CHARS_MAX,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": True,
                "spellcheck": "false",
                "autocapitalize": "characters",
                "size": 14,
            }
        ),
    )


@sensitive_post_parameters("code")
def second_factor_view(request: HttpRequest) -> HttpResponse:
    """Prove it, enrol it, or look after it: whichever comes next for this user."""
    user = _user(request)
    if not second_factor.is_proved(request.user) and second_factor.is_enrolled(user):
        return _prove_page(request, user)
    if not second_factor.is_enrolled(user) or "replace" in request.GET:
        return _enrol_page(request, user)
    if request.method == "POST":
        codes = second_factor.renew_recovery_codes(user)
        return _codes_page(request, codes)
    return _page(
        request,
        "second_factor.html",
        codes_left=second_factor.recovery_codes_left(user),
    )


def _user(request: HttpRequest) -> User:
    found = User.objects.filter(pk=request.user.pk or 0).first()
    if found is None:
        raise PermissionDenied
    return found


def _prove_page(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            second_factor.prove(request, user, code=form.cleaned_data["code"])
        except second_factor.UnableToProve as error:
            form.add_error("code", _(error.message))
        else:
            if second_factor.recovery_codes_left(user) == 0:
                messages.warning(request, _("No recovery code is left; make new ones."))
            return HttpResponseRedirect(_next(request))
    return _page(request, "second_factor_prove.html", form=form)


def _enrol_page(request: HttpRequest, user: User) -> HttpResponse:
    device = second_factor.begin(user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            codes = second_factor.confirm(request, user, code=form.cleaned_data["code"])
        except second_factor.UnableToProve as error:
            form.add_error("code", _(error.message))
        else:
            return _codes_page(request, codes)
    address = device.config_url
    picture = segno.make(address, error="m").svg_inline(
        scale=4, border=2, dark="#000", light="#fff"
    )
    secret = address.split("secret=")[1].split("&")[0]
    return _page(
        request,
        "second_factor_enrol.html",
        form=form,
        picture=SafeString(picture),
        secret=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        is_required=second_factor.is_required(user),
    )


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, "second_factor_codes.html", codes=codes, next=_next(request))


def _next(request: HttpRequest) -> str:
    """Where the user wanted to go; only to a page of this console."""
    wanted = request.GET.get("next", "")
    if wanted.startswith("/admin/") and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return reverse("admin:index")


def _page(request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    frame = {**admin.site.each_context(request), "title": _("Second factor")}
    if second_factor.is_waiting(_user(request)) and not second_factor.is_proved(
        request.user
    ):
        frame |= {"sidebar_navigation": [], "is_nav_sidebar_enabled": False}
    response = TemplateResponse(request, f"cpms/admin/{template}", {**frame, **context})
    response.headers["Cache-Control"] = "no-store"
    return response
