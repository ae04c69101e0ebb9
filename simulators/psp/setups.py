"""Setup intents: saving a card without taking money."""

from simulators.psp import cards, customers, ids
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, no_such, wrong_state
from simulators.psp.intents import check_types
from simulators.psp.store import public


def create(call: Call) -> Json:
    """Make a setup intent and, with `confirm`, try to save the card."""
    check_types(call.params)
    customer = call.params.text("customer")
    usages = {"off_session", "on_session"}
    setup = build(
        call,
        customer=customer,
        metadata=call.params.metadata(),
        usage=call.params.choice("usage", usages, "off_session") or "off_session",
    )
    _choose_method(call, setup, call.params.text("payment_method"))
    call.emit("setup_intent.created", setup)
    if call.params.flag("confirm"):
        return confirm_with(call, setup, call.params.text("return_url"))
    return call.put("setup_intent", setup)


def build(call: Call, *, customer: str | None, metadata: Json, usage: str) -> Json:
    """Return a setup intent without a method."""
    if customer and call.unit.find(call.account, "customer", customer) is None:
        raise no_such("customer", customer, param="customer", status=400)
    reference = ids.new("seti")
    return {
        "id": reference,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{reference}_secret_{ids.token()}",
        "created": call.now,
        "customer": customer,
        "customer_account": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": usage,
    }


def _choose_method(call: Call, setup: Json, reference: str | None) -> None:
    if reference is not None:
        method = customers.usable(call, reference, setup["customer"])
        setup.update(payment_method=method["id"], status="requires_confirmation")


def get(call: Call) -> Json:
    """Return one setup intent."""
    return call.get("setup_intent", call.path["intent"], param="intent")


def list_all(call: Call) -> Json:
    """List setup intents."""
    wanted = field_filter(call.params, "customer", "payment_method")
    return page(call, "setup_intent", wanted)


def update(call: Call) -> Json:
    """Change the payment method or metadata before it succeeded."""
    setup = get(call)
    if call.params.given("payment_method"):
        if setup["status"] in {"succeeded", "canceled"}:
            raise _unexpected(setup)
        _choose_method(call, setup, call.params.text("payment_method"))
    setup["metadata"] = call.params.metadata(setup["metadata"])
    return call.put("setup_intent", setup)


def confirm(call: Call) -> Json:
    """Try to save the card."""
    setup = get(call)
    if setup["status"] in {"succeeded", "canceled"}:
        raise _unexpected(setup)
    _choose_method(call, setup, call.params.text("payment_method"))
    return confirm_with(call, setup, call.params.text("return_url"))


def save_on_page(call: Call, setup: Json, card_name: str, return_url: str) -> Json:
    """Try to save the card that a payer named on a hosted page."""
    if setup["status"] in {"succeeded", "canceled"}:
        raise _unexpected(setup)
    _choose_method(call, setup, card_name)
    return confirm_with(call, setup, return_url)


def confirm_with(call: Call, setup: Json, return_url: str | None) -> Json:
    """Try to save the chosen card; the bank sends the payer to `return_url`."""
    if setup["payment_method"] is None:
        raise _unexpected(setup)
    method = customers.usable(call, setup["payment_method"], setup["customer"])
    card = customers.card_of(call.unit, method)
    if not card["attachable"]:
        error = cards.card_error(card["behaviour"])
        setup.update(
            status="requires_payment_method",
            payment_method=None,
            last_setup_error={**error, "payment_method": public(method)},
        )
        call.put("setup_intent", setup)
        call.emit("setup_intent.setup_failed", setup)
        raise cards.declined(error, setup_intent=public(setup))
    if cards.needs_authentication(card):
        return _ask_holder(call, setup, return_url)
    return _save(call, setup, method)


def _ask_holder(call: Call, setup: Json, return_url: str | None) -> Json:
    setup["status"] = "requires_action"
    url = (
        f"{call.world.base_url}/hosted/3ds/{call.account}/{setup['id']}"
        f"?client_secret={setup['client_secret']}"
    )
    setup["next_action"] = {
        "type": "redirect_to_url",
        "redirect_to_url": {"url": url, "return_url": return_url},
    }
    call.put("setup_intent", setup)
    call.emit("setup_intent.requires_action", setup)
    return setup


def _save(call: Call, setup: Json, method: Json) -> Json:
    if setup["customer"] and method["customer"] is None:
        method["customer"] = setup["customer"]
        call.put("payment_method", method)
        call.emit("payment_method.attached", method)
    setup.update(status="succeeded", next_action=None, last_setup_error=None)
    call.put("setup_intent", setup)
    call.emit("setup_intent.succeeded", setup)
    return setup


def answer_challenge(call: Call, setup: Json, *, passed: bool) -> Json:
    """Take the card holder's answer to the question of their bank."""
    if setup["status"] != "requires_action":
        raise _unexpected(setup)
    method = customers.usable(call, setup["payment_method"], setup["customer"])
    if not passed:
        setup.update(
            status="requires_payment_method",
            next_action=None,
            payment_method=None,
            last_setup_error={
                "type": "card_error",
                "code": "setup_intent_authentication_failure",
                "message": "The provided payment method has failed authentication.",
            },
        )
        call.put("setup_intent", setup)
        call.emit("setup_intent.setup_failed", setup)
        return setup
    card = customers.card_of(call.unit, method)
    card["authenticated"] = True
    customers.save_card(call.unit, card)
    return _save(call, setup, method)


def _unexpected(setup: Json) -> Exception:
    return wrong_state(
        f"This SetupIntent has a status of {setup['status']} and payment method "
        f"{setup['payment_method']}; it cannot be confirmed or changed so.",
        code="setup_intent_unexpected_state",
        extra={"setup_intent": public(setup)},
    )
