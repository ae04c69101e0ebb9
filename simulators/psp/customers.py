"""Customers and their payment methods, on the platform or on an account."""

from simulators.psp import cards, shapes
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid, missing_parameter, no_such
from simulators.psp.limits import PLATFORM
from simulators.psp.store import Unit


def create(call: Call) -> Json:
    """Make a customer; with `payment_method` that one is attached."""
    customer = shapes.customer(
        email=call.params.text("email"),
        name=call.params.text("name"),
        metadata=call.params.metadata(),
        now=call.now,
    )
    if reference := call.params.text("payment_method"):
        method = _resolve(call, reference, "payment_method")
        _attach(call, method, customer["id"])
    call.put("customer", customer)
    call.emit("customer.created", customer)
    return customer


def get(call: Call) -> Json:
    """Return one customer."""
    return call.get("customer", call.path["customer"], param="id")


def list_all(call: Call) -> Json:
    """List customers, also by e-mail."""
    return page(call, "customer", field_filter(call.params, "email"))


def update(call: Call) -> Json:
    """Change a customer."""
    customer = get(call)
    for name in ("email", "name"):
        if call.params.given(name):
            customer[name] = call.params.text(name)
    key = "invoice_settings.default_payment_method"
    if call.params.given(key):
        method = call.params.need_text(key)
        customer["invoice_settings"]["default_payment_method"] = method
    customer["metadata"] = call.params.metadata(customer["metadata"])
    return call.put("customer", customer)


def delete(call: Call) -> Json:
    """Remove a customer."""
    customer = get(call)
    call.unit.delete(call.account, "customer", customer["id"])
    return {"id": customer["id"], "object": "customer", "deleted": True}


def card_of(unit: Unit, thing: Json) -> Json:
    """Return the card behind a payment method or charge."""
    card = unit.find(PLATFORM, "_card", thing["_card"])
    if card is None:
        raise no_such("card", thing["_card"], param="payment_method")
    return card


def save_card(unit: Unit, card: Json) -> Json:
    """Stage a changed card: all clones of its methods share it."""
    return unit.put(PLATFORM, "_card", card)


def _materialise(call: Call, name: str, param: str) -> Json:
    known = cards.TEST_CARDS.get(name)
    if known is None:
        raise no_such("PaymentMethod", name, param=param, status=400)
    card = save_card(call.unit, cards.new_card(name, known))
    metadata = call.params.metadata() if param == "card[token]" else {}
    method = shapes.payment_method(card=card, metadata=metadata, now=call.now)
    return call.put("payment_method", method)


def _resolve(call: Call, reference: str, param: str) -> Json:
    """Return a payment method of the acting account, or a test one made new."""
    if reference in cards.TEST_CARDS:
        return _materialise(call, reference, param)
    method = call.unit.find(call.account, "payment_method", reference)
    if method is None:
        raise no_such("PaymentMethod", reference, param=param, status=400)
    return method


def usable(call: Call, reference: str, customer: str | None) -> Json:
    """Return a payment method for a payment of this customer.

    Raises:
        ApiError: unknown, or attached to another customer.
    """
    method = _resolve(call, reference, "payment_method")
    if method["customer"] not in {None, customer}:
        raise invalid(
            f"The payment method {reference} belongs to another customer: "
            "send its customer too.",
            param="payment_method",
        )
    return method


def create_method(call: Call) -> Json:
    """Make a payment method from a test token, or clone the platform's.

    Card numbers are refused: they must never come near a server.
    """
    if call.params.text("payment_method"):
        return _clone(call)
    if call.params.given("card.number"):
        raise invalid(
            "Sending card numbers directly is unsafe and refused. "
            "Use a test token such as card[token]=tok_visa.",
            param="card[number]",
        )
    if call.params.choice("type", {"card"}) is None:
        raise missing_parameter("type")
    token = call.params.need_text("card.token")
    return _materialise(call, cards.from_token(token), "card[token]")


def _clone(call: Call) -> Json:
    """Copy a platform customer's method to the acting connected account."""
    if call.account == PLATFORM:
        raise invalid(
            "Cloning a payment method needs the Stripe-Account header.",
            param="payment_method",
        )
    reference = call.params.need_text("payment_method")
    source = call.unit.find(PLATFORM, "payment_method", reference)
    if source is None:
        raise no_such("PaymentMethod", reference, param="payment_method", status=400)
    if source["customer"] != call.params.text("customer"):
        raise invalid(
            f"The payment method {reference} is not attached to this customer "
            "of the platform; attach it before cloning.",
            param="customer",
        )
    card = card_of(call.unit, source)
    clone = shapes.payment_method(
        card=card, metadata=call.params.metadata(), now=call.now
    )
    return call.put("payment_method", clone)


def get_method(call: Call) -> Json:
    """Return one payment method."""
    reference = call.path["payment_method"]
    return call.get("payment_method", reference, param="payment_method")


def list_methods(call: Call) -> Json:
    """List the payment methods of a customer."""
    wanted = field_filter(call.params, "customer", "type")
    return page(call, "payment_method", wanted)


def update_method(call: Call) -> Json:
    """Change a payment method's metadata."""
    method = get_method(call)
    method["metadata"] = call.params.metadata(method["metadata"])
    return call.put("payment_method", method)


def _attach(call: Call, method: Json, customer: str) -> Json:
    if method["customer"] not in {None, customer}:
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    card = card_of(call.unit, method)
    if not card["attachable"]:
        raise cards.declined(cards.card_error(card["behaviour"]))
    method["customer"] = customer
    call.put("payment_method", method)
    call.emit("payment_method.attached", method)
    return method


def attach(call: Call) -> Json:
    """Attach a payment method to a customer of the same account."""
    customer = call.params.need_text("customer")
    if call.unit.find(call.account, "customer", customer) is None:
        raise no_such("customer", customer, param="customer", status=400)
    method = _resolve(call, call.path["payment_method"], "payment_method")
    return _attach(call, method, customer)
