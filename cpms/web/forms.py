"""What drivers type into their account's pages."""

from decimal import Decimal
from typing import Any, Final

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cpms.accounts.models import Driver, Vehicle
from cpms.accounts.services.vehicles import PEM_BYTES_MAX
from cpms.kernel.money import from_minor, to_minor

CAPS: Final = ("cap", "day_cap", "month_cap")
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


class RenewalForm(forms.Form):
    """A signing request of a vehicle's key, or of its next one."""

    csr = forms.CharField(
        label=_("Signing request of the vehicle (PEM)"),
        max_length=PEM_BYTES_MAX,
        widget=forms.Textarea(attrs={"spellcheck": "false"}),
        help_text=_(
            "From your vehicle or its app: a text that begins with BEGIN CERTIFICATE "
            "REQUEST."
        ),
    )


def _cap(label: Any, help_text: Any = "") -> forms.DecimalField:  # noqa: ANN401 - lazy text
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=Decimal(1),
        max_value=Decimal(1_000_000),
        decimal_places=2,
        localize=True,
        help_text=help_text,
    )


class _CapsForm(forms.Form):
    """The most that may be spent at a time, in a day, in a month."""

    cap = _cap(_("Most per charge"))
    day_cap = _cap(_("Most per day"))
    month_cap = _cap(_("Most per month"))
    cap_currency = forms.ChoiceField(
        label=_("Currency"), choices=[(code, code) for code in CURRENCIES]
    )

    @property
    def caps(self) -> dict[str, int | None]:
        """The caps in minor units by the account's columns; None for no cap."""
        currency = self.cleaned_data["cap_currency"]
        found = {name: self.cleaned_data[name] for name in CAPS}
        return {
            f"{name}_minor": None if cap is None else to_minor(cap, currency)
            for name, cap in found.items()
        }


class SettingsForm(_CapsForm):
    """Language, and the caps of the account."""

    locale = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    cap = _cap(
        _("Most per charge"),
        _(
            "No charge reserves more on your card, and it stops there. Empty: each "
            "operator's own limit."
        ),
    )


class VehicleSettingsForm(_CapsForm):
    """A vehicle's name, and its own caps within the account's."""

    label = forms.CharField(label=_("Name of the vehicle"), max_length=80)
    field_order = ("label", *CAPS, "cap_currency")

    @property
    def vehicle_caps(self) -> dict[str, int | None]:
        """The caps by the vehicle's columns."""
        found = self.caps
        return {"charge_cap_minor": found.pop("cap_minor"), **found}

    @staticmethod
    def begin(vehicle: Vehicle) -> dict[str, Any]:
        """What the form begins with."""
        currency = vehicle.cap_currency or CURRENCIES[0]
        caps = {
            "cap": vehicle.charge_cap_minor,
            "day_cap": vehicle.day_cap_minor,
            "month_cap": vehicle.month_cap_minor,
        }
        shown = {
            name: None if cap is None else from_minor(cap, currency)
            for name, cap in caps.items()
        }
        return {"label": vehicle.label, "cap_currency": currency, **shown}


class ShareForm(forms.Form):
    """The address of another account."""

    email = forms.EmailField(label=_("E-mail of the other driver"), max_length=254)


class TakeOverForm(forms.Form):
    """The former owner's code, and the new owner's name for the vehicle."""

    code = forms.CharField(
        label=_("Code of the former owner"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    label = forms.CharField(label=_("Name of the vehicle"), max_length=80)


class DeletionForm(forms.Form):
    """The password, once more."""

    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


def settings_of(driver: Driver) -> dict[str, Any]:
    """What the settings form begins with."""
    currency = driver.cap_currency or CURRENCIES[0]
    caps = {name: getattr(driver, f"{name}_minor") for name in CAPS}
    shown = {
        name: None if cap is None else from_minor(cap, currency)
        for name, cap in caps.items()
    }
    return {"locale": driver.locale, "cap_currency": currency, **shown}
