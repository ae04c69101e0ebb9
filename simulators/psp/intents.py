"""Payment intents: making and confirming them."""

from dataclasses import dataclass
from typing import Final

from simulators.psp import accounts, cards, customers, holds, shapes
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid, no_such, wrong_state
from simulators.psp.form import Params
from simulators.psp.limits import AMOUNT_MAX_MINOR
from simulators.psp.store import public

_CONFIRMABLE: Final = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action"}
)
_INCREMENTAL: Final = "payment_method_options.card.request_incremental_authorization"


def _amount(call: Call) -> int:
    amount = call.params.need_integer("amount")
    if amount < call.rules.minimum_minor:
        raise invalid(
            f"Amount must be at least {call.rules.minimum_minor} minor units.",
            code="amount_too_small",
            param="amount",
        )
    if amount > AMOUNT_MAX_MINOR:
        raise invalid(
            f"Amount must be no more than {AMOUNT_MAX_MINOR}.",
            code="amount_too_large",
            param="amount",
        )
    return amount


def read_currency(call: Call) -> str:
    """Return the ISO 4217 code asked for, in lower case."""
    currency = call.params.need_text("currency").lower()
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise invalid(f"Invalid currency: {currency}", param="currency")
    return currency


def read_application_fee(call: Call, amount: int) -> int | None:
    """Return the application fee asked for, at most the amount."""
    fee = call.params.integer("application_fee_amount")
    if fee is None:
        return None
    if fee > amount:
        raise invalid(
            "application_fee_amount must not be greater than the amount.",
            param="application_fee_amount",
        )
    if not call.unit.find("acct_platform", "account", call.account):
        raise invalid(
            "application_fee_amount needs a connected account: send the "
            "Stripe-Account header.",
            param="application_fee_amount",
        )
    return fee


def _customer(call: Call) -> str | None:
    reference = call.params.text("customer")
    if reference and call.unit.find(call.account, "customer", reference) is None:
        raise no_such("customer", reference, param="customer", status=400)
    return reference


_WAYS: Final = (
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "payment_method_types",
)


def check_types(params: Params) -> None:
    """Refuse contradicting choices of payment methods, and lists without card."""
    given = [name for name in _WAYS if params.given(name)]
    if len(given) > 1:
        raise invalid(f"Give only one of {', '.join(given)}.", param=given[1])
    for name in ("allowed_payment_method_types", "payment_method_types"):
        types = params.texts(name)
        if types and "card" not in types:
            raise invalid("The simulator offers only card.", param=name)


def build(call: Call, *, amount: int, currency: str) -> Json:
    """Return a new intent with the parameters that all ways to it share."""
    intent = shapes.payment_intent(
        amount=amount,
        currency=currency,
        metadata=call.params.metadata(),
        now=call.now,
    )
    intent["capture_method"] = call.params.choice(
        "capture_method", {"automatic", "automatic_async", "manual"}, "automatic"
    )
    for name in (
        "receipt_email",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "setup_future_usage",
        "transfer_group",
    ):
        intent[name] = call.params.text(name)
    intent["_incremental"] = call.params.text(_INCREMENTAL) == "if_available"
    return intent


def create(call: Call) -> Json:
    """Make an intent and, with `confirm`, try to pay at once."""
    params = call.params
    if params.given("off_session") and not params.flag("confirm"):
        raise invalid("off_session needs confirm=true.", param="off_session")
    amount = _amount(call)
    check_types(params)
    intent = build(call, amount=amount, currency=read_currency(call))
    intent["customer"] = _customer(call)
    intent["application_fee_amount"] = read_application_fee(call, amount)
    if params.flag("automatic_payment_methods.enabled"):
        intent["automatic_payment_methods"] = {
            "enabled": True,
            "allow_redirects": "always",
        }
    method = _method(call, intent)
    call.emit("payment_intent.created", intent)
    if not params.flag("confirm"):
        return call.put("payment_intent", intent)
    accounts.require_charges(call)
    return confirm_with(call, intent, method, Manner.read(call))


def _method(call: Call, intent: Json) -> Json | None:
    reference = call.params.text("payment_method")
    if reference is None:
        return None
    method = customers.usable(call, reference, intent["customer"])
    intent["payment_method"] = method["id"]
    intent["status"] = "requires_confirmation"
    return method


def get(call: Call) -> Json:
    """Return one intent."""
    return call.get("payment_intent", call.path["intent"], param="intent")


def list_all(call: Call) -> Json:
    """List intents, also of one customer."""
    return page(call, "payment_intent", field_filter(call.params, "customer"))


def update(call: Call) -> Json:
    """Change an intent that is not yet confirmed; metadata at any time."""
    intent = get(call)
    changes = {"amount", "currency", "payment_method", "customer"} & set(
        call.params.values
    )
    if changes and intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(intent, "updated")
    if "amount" in changes:
        intent["amount"] = _amount(call)
    if "customer" in changes:
        intent["customer"] = _customer(call)
    if "payment_method" in changes:
        _method(call, intent)
    if call.params.given("application_fee_amount"):
        fee = read_application_fee(call, intent["amount"])
        intent["application_fee_amount"] = fee
    intent["metadata"] = call.params.metadata(intent["metadata"])
    return call.put("payment_intent", intent)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a confirmation is made."""

    off_session: bool
    fail_on_action: bool
    return_url: str | None

    @classmethod
    def read(cls, call: Call) -> "Manner":
        """Read the confirmation's parameters."""
        off_session = call.params.text("off_session")
        return cls(
            off_session not in {None, "false"},
            call.params.flag("error_on_requires_action"),
            call.params.text("return_url"),
        )


def confirm(call: Call) -> Json:
    """Try to pay with the given or the known payment method."""
    intent = get(call)
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(intent, "confirmed")
    accounts.require_charges(call)
    method = _method(call, intent)
    if method is None and intent["payment_method"]:
        method = customers.usable(call, intent["payment_method"], intent["customer"])
    return confirm_with(call, intent, method, Manner.read(call))


def confirm_with(call: Call, intent: Json, method: Json | None, how: Manner) -> Json:
    """Ask the card's issuer: authorised, refused, or asks the card holder."""
    if method is None:
        raise wrong_state(
            "You cannot confirm this PaymentIntent because it's missing a "
            "payment method.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": public(intent)},
        )
    card = customers.card_of(call.unit, method)
    reason = cards.refusal(card)
    if reason is not None:
        raise _refuse(call, intent, method, cards.card_error(reason))
    if cards.needs_authentication(card):
        if how.off_session or how.fail_on_action:
            message = (
                "Your card was declined. This transaction requires authentication."
            )
            error = cards.card_error("authentication_required", message)
            raise _refuse(call, intent, method, error)
        return _ask_holder(call, intent, how)
    return holds.authorise(call, intent, method, card)


def _refuse(call: Call, intent: Json, method: Json, error: Json) -> Exception:
    """Stage the failed attempt and return the 402 that reports it."""
    charge = shapes.charge(intent=intent, method=method, now=call.now)
    charge.update(
        paid=False,
        status="failed",
        failure_code=error["code"],
        failure_message=error["message"],
    )
    charge["outcome"].update(
        network_status="declined_by_network",
        reason=error["decline_code"],
        seller_message="The bank did not return any further details.",
        type="issuer_declined",
    )
    call.put("charge", charge)
    call.emit("charge.failed", charge)
    intent.update(
        status="requires_payment_method",
        latest_charge=charge["id"],
        payment_method=None,
        next_action=None,
        last_payment_error={
            **error,
            "charge": charge["id"],
            "payment_method": public(method),
        },
    )
    call.put("payment_intent", intent)
    call.emit("payment_intent.payment_failed", intent)
    return cards.declined(
        error,
        charge=charge["id"],
        payment_intent=public(intent),
        payment_method=public(method),
    )


def _ask_holder(call: Call, intent: Json, how: Manner) -> Json:
    intent["status"] = "requires_action"
    url = (
        f"{call.world.base_url}/hosted/3ds/{call.account}/{intent['id']}"
        f"?client_secret={intent['client_secret']}"
    )
    if how.return_url is None:
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    else:
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": url, "return_url": how.return_url},
        }
    call.put("payment_intent", intent)
    call.emit("payment_intent.requires_action", intent)
    return intent


def answer_challenge(call: Call, intent: Json, *, passed: bool) -> Json:
    """Take the card holder's answer to the question of their bank."""
    if intent["status"] != "requires_action":
        raise unexpected_state(intent, "authenticated")
    reference = intent["payment_method"]
    method = customers.usable(call, reference, intent["customer"])
    intent["next_action"] = None
    if not passed:
        error = {
            "type": "card_error",
            "code": "payment_intent_authentication_failure",
            "decline_code": "authentication_not_handled",
            "message": "The provided payment method has failed authentication.",
        }
        return _failed_challenge(call, intent, method, error)
    card = customers.card_of(call.unit, method)
    card["authenticated"] = True
    customers.save_card(call.unit, card)
    return holds.authorise(call, intent, method, card)


def _failed_challenge(call: Call, intent: Json, method: Json, error: Json) -> Json:
    _refuse(call, intent, method, error)
    intent["last_payment_error"].pop("decline_code", None)
    return call.put("payment_intent", intent)


def unexpected_state(intent: Json, verb: str) -> Exception:
    """Return the error of a move that the intent's state does not allow."""
    return wrong_state(
        f"This PaymentIntent could not be {verb} because it has a status of "
        f"{intent['status']}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": public(intent)},
    )
