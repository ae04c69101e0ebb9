"""Checkout sessions: a page of the provider's own where a guest pays."""

from typing import Final

from simulators.psp import accounts, customers, ids, intents, setups
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid, missing_parameter, wrong_state
from simulators.psp.form import Params

LIFE_S: Final = 86_400
LIFE_S_MIN: Final = 1_800


def _total(params: Params) -> tuple[int, str]:
    """Return amount and currency of the line items (`price_data` only)."""
    items = params.items("line_items")
    if not items:
        raise missing_parameter("line_items")
    total = 0
    currencies = set()
    for item in items:
        quantity = item.integer("quantity")
        unit = item.need_integer("price_data.unit_amount")
        total += unit * (1 if quantity is None else quantity)
        currencies.add(item.need_text("price_data.currency").lower())
        item.need_text("price_data.product_data.name")
    if len(currencies) != 1:
        raise invalid("All line items must have one currency.", param="line_items")
    return total, currencies.pop()


def _expiry(call: Call) -> int:
    expires_at = call.params.integer("expires_at")
    if expires_at is None:
        return call.now + LIFE_S
    if not call.now + LIFE_S_MIN <= expires_at <= call.now + LIFE_S:
        raise invalid(
            "expires_at must be 30 minutes to 24 hours from now.", param="expires_at"
        )
    return expires_at


def create(call: Call) -> Json:
    """Open a session for one payment or one card to save; `url` is its page."""
    params = call.params
    mode = params.choice("mode", {"payment", "setup"})
    if mode is None:
        raise missing_parameter("mode")
    if mode == "setup":
        return _create_setup(call)
    accounts.require_charges(call)
    total, currency = _total(params)
    method = params.choice(
        "payment_intent_data.capture_method",
        {"automatic", "automatic_async", "manual"},
        "automatic",
    )
    fee = params.integer("payment_intent_data.application_fee_amount")
    inner = Params(params.values.get("payment_intent_data") or {})
    session = _shape(call, total, currency)
    session["_intent"] = {
        "capture_method": method,
        "application_fee_amount": fee,
        "metadata": inner.metadata(),
    }
    first = params.items("line_items")[0]
    session["_title"] = first.need_text("price_data.product_data.name")
    return _opened(call, session)


def _create_setup(call: Call) -> Json:
    params = call.params
    session = _shape(call, None, params.text("currency"))
    setup = setups.build(
        call,
        customer=params.text("customer"),
        metadata=params.metadata(),
        usage="off_session",
    )
    setup["_session"] = session["id"]
    call.put("setup_intent", setup)
    call.emit("setup_intent.created", setup)
    session.update(
        mode="setup", setup_intent=setup["id"], payment_status="no_payment_required"
    )
    return _opened(call, session)


def _opened(call: Call, session: Json) -> Json:
    call.world.deadlines.add(
        session["expires_at"], call.account, "checkout.session", session["id"]
    )
    return call.put("checkout.session", session)


def _shape(call: Call, total: int | None, currency: str | None) -> Json:
    params = call.params
    reference = "cs_" + ids.token(32)
    secret = ids.token()
    return {
        "id": reference,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "cancel_url": params.text("cancel_url"),
        "client_reference_id": params.text("client_reference_id"),
        "client_secret": None,
        "created": call.now,
        "currency": currency,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": params.text("customer"),
        "customer_creation": "if_required",
        "customer_details": None,
        "customer_email": params.text("customer_email"),
        "excluded_payment_method_types": [],
        "expires_at": _expiry(call),
        "livemode": False,
        "locale": params.text("locale"),
        "metadata": params.metadata(),
        "mode": "payment",
        "name_collection": {},
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "success_url": params.text("success_url"),
        "ui_mode": "hosted_page",
        "url": f"{call.world.base_url}/hosted/checkout/{call.account}/{reference}"
        f"?secret={secret}",
        "_secret": secret,
    }


def get(call: Call) -> Json:
    """Return one session."""
    return call.get("checkout.session", call.path["session"], param="session")


def list_all(call: Call) -> Json:
    """List sessions, also by status or payment intent."""
    wanted = field_filter(call.params, "status", "payment_intent", "customer")
    return page(call, "checkout.session", wanted)


def update(call: Call) -> Json:
    """Change a session's metadata."""
    session = get(call)
    session["metadata"] = call.params.metadata(session["metadata"])
    return call.put("checkout.session", session)


def expire(call: Call) -> Json:
    """Close an open session: nobody can pay it any more."""
    session = get(call)
    if session["status"] != "open":
        raise wrong_state(
            f"Only open sessions can be expired; this one is {session['status']}.",
            code="checkout_session_unexpected_state",
        )
    return close(call, session)


def close(call: Call, session: Json) -> Json:
    """Mark a session as expired."""
    session.update(status="expired", url=None)
    call.put("checkout.session", session)
    _cancel_unpaid(call, session)
    call.emit("checkout.session.expired", session)
    return session


def _cancel_unpaid(call: Call, session: Json) -> None:
    """What was begun on a closed page can no longer be finished."""
    if not session["payment_intent"]:
        return
    intent = call.get("payment_intent", session["payment_intent"], param="intent")
    if intent["status"] not in {"requires_payment_method", "requires_action"}:
        return
    intent.update(
        status="canceled",
        canceled_at=call.now,
        cancellation_reason="automatic",
        next_action=None,
    )
    call.put("payment_intent", intent)
    call.emit("payment_intent.canceled", intent)


def expire_due(call: Call, reference: str) -> None:
    """Close a session whose time is over."""
    session = call.unit.find(call.account, "checkout.session", reference)
    if session and session["status"] == "open" and session["expires_at"] <= call.now:
        close(call, session)


def pay(call: Call, session: Json, card_name: str) -> Json:
    """Use an open session on the hosted page; returns the payment or setup intent.

    Raises:
        ApiError: the session is closed, or the card was refused.
    """
    if session["status"] != "open" or session["expires_at"] <= call.now:
        raise invalid("This checkout page is no longer open.", status=410)
    if session["mode"] == "setup":
        return _save(call, session, card_name)
    intent = _intent(call, session)
    method = customers.usable(call, card_name, session["customer"])
    intent.update(payment_method=method["id"], customer=session["customer"])
    session["payment_intent"] = intent["id"]
    call.put("checkout.session", session)
    how = intents.Manner(
        off_session=False, fail_on_action=False, return_url=session["success_url"]
    )
    intent = intents.confirm_with(call, intent, method, how)
    if intent["status"] != "requires_action":
        complete(call, session, intent)
    return intent


def _save(call: Call, session: Json, card_name: str) -> Json:
    setup = call.get("setup_intent", session["setup_intent"], param="intent")
    setup = setups.save_on_page(call, setup, card_name, session["success_url"])
    if setup["status"] == "succeeded":
        complete(call, session, setup)
    return setup


def _intent(call: Call, session: Json) -> Json:
    if session["payment_intent"]:
        return call.get("payment_intent", session["payment_intent"], param="intent")
    amount = session["amount_total"]
    intent = intents.build(call, amount=amount, currency=session["currency"])
    intent.update(session["_intent"])
    intent["_session"] = session["id"]
    call.emit("payment_intent.created", intent)
    return intent


def complete(call: Call, session: Json, intent: Json) -> Json:
    """Finish a session whose payment is authorised or paid, or whose card is saved."""
    session.update(status="complete", url=None)
    if session["mode"] == "payment":
        paid = intent["status"] == "succeeded"
        session["payment_status"] = "paid" if paid else "unpaid"
    call.put("checkout.session", session)
    call.emit("checkout.session.completed", session)
    return session
