"""What stands against a charge, in the driver's language and with the way out."""

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Problem:
    """A heading, what to do, and whether waiting helps.

    ``tone`` is "wait" (something is still to come), "warn" or "stop". ``is_passing``:
    the page looks again by itself.
    """

    title: str | Promise
    advice: str | Promise
    tone: str = "warn"
    is_passing: bool = False


GENERAL: Final = Problem(
    _("Charging cannot start here now"),
    _("Please try again in a moment, or use another connector."),
)
NOT_VALID: Final = Problem(
    _("This code is not valid"),
    _(
        "It may have been used, have run out, or be mistyped. Scan the code on the "
        "charger again."
    ),
    "stop",
)
TOO_MANY: Final = Problem(
    _("Too many attempts"),
    _("Please wait ten minutes, then try again."),
    "stop",
)
_NOT_PAID: Final = Problem(
    _("This operator cannot take payments now"),
    _("No charge can start here and nothing was paid. Please use another station."),
    "stop",
)
_NO_CARD: Final = Problem(
    _("Your account has no usable payment method"),
    _("Add one to your account, or pay as a guest."),
)
_TAKEN: Final = Problem(
    _("This connector is in use"),
    _("Wait until it is free, or use another connector."),
    is_passing=True,
)
_NO_TARIFF: Final = Problem(
    _("There is no price for this connector"),
    _("Without a price nothing is sold here. Please use another station."),
    "stop",
)
_CAP: Final = Problem(
    _("Your spending cap is too low for this station"),
    _("Raise the cap in your account, or pay as a guest."),
)

BY_CODE: Final[dict[str, Problem]] = {
    "not_plugged_in": Problem(
        _("Plug in first"),
        _("Connect the cable to your vehicle. This page goes on by itself."),
        "wait",
        is_passing=True,
    ),
    "charge_point_offline": Problem(
        _("This station is not connected"),
        _("It cannot start a charge now. Please use another station."),
        is_passing=True,
    ),
    "connector_unavailable": Problem(
        _("This connector is out of order"),
        _("Please use another connector."),
        "stop",
        is_passing=True,
    ),
    "connector_occupied": _TAKEN,
    "connector_busy": _TAKEN,
    "connector_in_use": _TAKEN,
    "connector_reserved": _TAKEN,
    "certificate_already_claimed": NOT_VALID,
    "certificate_expired": NOT_VALID,
    "certificate_invalid": NOT_VALID,
    "unknown_connector": NOT_VALID,
    "no_payee_account": _NOT_PAID,
    "payee_account_blocked": _NOT_PAID,
    "account_blocked": _NOT_PAID,
    "currency_mismatch": _NOT_PAID,
    "no_tariff": _NO_TARIFF,
    "no_payment_method": _NO_CARD,
    "payment_method_not_usable": _NO_CARD,
    "no_payment_method_here": Problem(
        _("This operator does not know your card yet"),
        _(
            "It is paid directly. Save a card for this operator in your account, or "
            "pay as a guest."
        ),
    ),
    "price_changed": Problem(
        _("The price has just changed"),
        _("Nothing was started. Look at the new price, then start."),
    ),
    "hold_too_small": _CAP,
    "spending_cap_reached": _CAP,
    "debt_open": Problem(
        _("An earlier charge is not paid"),
        _("Pay it in your account first; then charging can start here."),
    ),
}


def problem_of(code: str) -> Problem:
    """The words for a refusal's stable code."""
    return BY_CODE.get(code, GENERAL)
