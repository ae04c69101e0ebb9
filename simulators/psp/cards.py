"""Test payment methods: what happens when such a card is used.

Names and behaviours of `pm_card_…` and `tok_…` follow the provider's
published test data; those beginning with `pm_sim_` exist only here.
"""

from dataclasses import dataclass
from typing import Final

from simulators.psp import ids
from simulators.psp.errors import ApiError, Json

SUCCEED: Final = "succeed"
AUTHENTICATE: Final = "authenticate"
AUTHENTICATE_ONCE: Final = "authenticate_once"
SHORT_HOLD: Final = "short_hold"
DISPUTE: Final = "dispute"

MESSAGES: Final = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. "
    "Try again in a little bit.",
    "do_not_honor": "Your card was declined.",
    "card_velocity_exceeded": "Your card was declined for making repeated "
    "attempts too frequently or exceeding its amount limit.",
}
# Decline reasons that are error codes of their own; all others are
# `card_declined` with a decline code.
_OWN_CODE: Final = frozenset({"expired_card", "incorrect_cvc", "processing_error"})

BEHAVIOURS: Final = frozenset(
    {SUCCEED, AUTHENTICATE, AUTHENTICATE_ONCE, SHORT_HOLD, DISPUTE, *MESSAGES}
)


@dataclass(frozen=True, slots=True)
class TestCard:
    """One published test card."""

    __test__ = False

    last4: str
    behaviour: str = SUCCEED
    brand: str = "visa"
    funding: str = "credit"
    attachable: bool = True


def _declining(last4: str, reason: str) -> TestCard:
    return TestCard(last4, reason, attachable=False)


TEST_CARDS: Final = {
    "pm_card_visa": TestCard("4242"),
    "pm_card_visa_debit": TestCard("5556", funding="debit"),
    "pm_card_mastercard": TestCard("4444", brand="mastercard"),
    "pm_card_amex": TestCard("0005", brand="amex"),
    "pm_card_chargeDeclined": _declining("0002", "generic_decline"),
    "pm_card_visa_chargeDeclined": _declining("0002", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declining(
        "9995", "insufficient_funds"
    ),
    "pm_card_chargeDeclinedInsufficientFunds": _declining("9995", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": _declining("9987", "lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": _declining("9979", "stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": _declining("0069", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": _declining("0127", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": _declining("0119", "processing_error"),
    "pm_card_chargeCustomerFail": TestCard("0341", "generic_decline"),
    "pm_card_authenticationRequired": TestCard("3184", AUTHENTICATE),
    "pm_card_authenticationRequiredOnSetup": TestCard("3155", AUTHENTICATE_ONCE),
    "pm_card_threeDSecure2Required": TestCard("3220", AUTHENTICATE),
    "pm_card_createDispute": TestCard("0259", DISPUTE),
    "pm_sim_insufficientFundsLater": TestCard("9001", "insufficient_funds"),
    "pm_sim_shortHold": TestCard("9002", SHORT_HOLD),
}


def from_token(token: str) -> str:
    """Return the payment method name of a test token (`tok_visa`)."""
    return "pm_card_" + token.removeprefix("tok_")


def new_card(name: str, card: TestCard) -> Json:
    """Return the record of a fresh card; clones of a method share it."""
    return {
        "id": "card_" + ids.token(16),
        "name": name,
        "last4": card.last4,
        "brand": card.brand,
        "funding": card.funding,
        "behaviour": card.behaviour,
        "attachable": card.attachable,
        "authenticated": False,
    }


def needs_authentication(card: Json) -> bool:
    """Tell whether the card holder has to be asked for this use."""
    if card["behaviour"] == AUTHENTICATE_ONCE:
        return not card["authenticated"]
    return bool(card["behaviour"] == AUTHENTICATE)


def refusal(card: Json) -> str | None:
    """Return the decline reason of a card, None when it can pay."""
    behaviour = str(card["behaviour"])
    return behaviour if behaviour in MESSAGES else None


def card_error(reason: str, message: str | None = None) -> Json:
    """Return the `error` object of a declined card."""
    own = reason in _OWN_CODE or reason == "authentication_required"
    return {
        "type": "card_error",
        "code": reason if own else "card_declined",
        "decline_code": reason,
        "message": message or MESSAGES[reason],
    }


def declined(error: Json, **extra: Json | str) -> ApiError:
    """Return a 402 with this error, kept as a fact."""
    return ApiError(402, {**error, **extra}, executed=True)
