"""What drivers type into their account's pages."""

from decimal import Decimal
from typing import Any, Final

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cpms.accounts.services.vehicles import PEM_BYTES_MAX
from cpms.kernel.money import from_minor, to_minor

CURRENCIES: Final = ("EUR", "CHF", "GBP", "CNY", "USD", "DKK", "SEK", "NOK", "PLN")


class LogInForm(forms.Form):
    """Address and password."""

    email = forms.EmailField(label=_("E-mail"), max_length=254)
    password = forms.CharField(
        label=_("Password"), max_length=128, strip=False, widget=forms.PasswordInput
    )

    def __init__(self, *args: Any, **values: Any) -> None:
        """Tell browsers and password managers what the fields are."""
        super().__init__(*args, **values)
        self.fields["email"].widget.attrs["autocomplete"] = "email"
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"


class SignUpForm(LogInForm):
    """The same, for a new account."""

    def __init__(self, *args: Any, **values: Any) -> None:
        """Ask password managers for a new password."""
        super().__init__(*args, **values)
        password = self.fields["password"]
        password.widget.attrs["autocomplete"] = "new-password"
        password.help_text = _("At least 8 characters, not only digits.")


class VehicleForm(forms.Form):
    """A vehicle's name and its public key or certificate signing request."""

    label = forms.CharField(label=_("Name of the vehicle"), max_length=80)
    pem = forms.CharField(
        label=_("Public key or signing request (PEM)"),
        max_length=PEM_BYTES_MAX,
        widget=forms.Textarea(attrs={"spellcheck": "false"}),
        help_text=_(
            "From your vehicle or its app: a text that begins with BEGIN PUBLIC KEY "
            "or BEGIN CERTIFICATE REQUEST."
        ),
    )


class SettingsForm(forms.Form):
    """Language and the most that a charge may reserve."""

    locale = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    cap = forms.DecimalField(
        label=_("Most per charge"),
        required=False,
        min_value=Decimal(1),
        max_value=Decimal(1_000_000),
        decimal_places=2,
        localize=True,
        help_text=_(
            "No charge reserves more on your card, and it stops there. Empty: each "
            "operator's own limit."
        ),
    )
    cap_currency = forms.ChoiceField(
        label=_("Currency"), choices=[(code, code) for code in CURRENCIES]
    )

    @property
    def cap_minor(self) -> int | None:
        """The cap in minor units; None for no cap."""
        cap = self.cleaned_data["cap"]
        return None if cap is None else to_minor(cap, self.cleaned_data["cap_currency"])


def settings_of(locale: str, cap_minor: int | None, currency: str) -> dict[str, Any]:
    """What the settings form begins with."""
    cap = None if cap_minor is None else from_minor(cap_minor, currency)
    return {"locale": locale, "cap": cap, "cap_currency": currency or CURRENCIES[0]}
