"""Authorised money: hold, raise, capture, release, expiry."""

from simulators.psp import cards, disputes, ids, ledger, shapes
from simulators.psp.call import Call
from simulators.psp.errors import Json, invalid, wrong_state
from simulators.psp.limits import AMOUNT_MAX_MINOR, PLATFORM
from simulators.psp.store import public


def _unexpected(intent: Json, verb: str) -> Exception:
    return wrong_state(
        f"This PaymentIntent could not be {verb} because it has a status of "
        f"{intent['status']}. Only a PaymentIntent with status requires_capture "
        f"can be {verb}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": public(intent)},
    )


def authorise(call: Call, intent: Json, method: Json, card: Json) -> Json:
    """Hold the amount on the card; with automatic capture take it at once."""
    charge = shapes.charge(intent=intent, method=method, now=call.now)
    details = charge["payment_method_details"]["card"]
    if card["authenticated"]:
        details["three_d_secure"] = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": ids.token(20),
            "version": "2.2.0",
        }
    intent.update(
        latest_charge=charge["id"],
        payment_method=method["id"],
        next_action=None,
        last_payment_error=None,
    )
    if intent["capture_method"] != "manual":
        fee = intent["application_fee_amount"] or 0
        return _settle(call, intent, charge, intent["amount"], fee)
    rules = call.rules
    short = card["behaviour"] == cards.SHORT_HOLD
    capture_before = call.now + (rules.short_hold_s if short else rules.hold_s)
    details["capture_before"] = capture_before
    if intent["_incremental"]:
        details["incremental_authorization"] = {"status": "available"}
    intent.update(status="requires_capture", amount_capturable=intent["amount"])
    call.world.deadlines.add(
        capture_before, call.account, "payment_intent", intent["id"]
    )
    call.put("charge", charge)
    call.put("payment_intent", intent)
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.amount_capturable_updated", intent)
    return intent


def _held(call: Call, verb: str) -> tuple[Json, Json]:
    intent = call.get("payment_intent", call.path["intent"], param="intent")
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, verb)
    charge = call.get("charge", intent["latest_charge"], param="intent")
    return intent, charge


def capture(call: Call) -> Json:
    """Take held money, all or a part; the rest is released."""
    intent, charge = _held(call, "captured")
    amount = call.params.integer("amount_to_capture")
    amount = intent["amount_capturable"] if amount is None else amount
    if amount < 1:
        raise invalid("amount_to_capture must be positive.", param="amount_to_capture")
    if amount > intent["amount_capturable"]:
        raise invalid(
            f"The amount {amount} is greater than the amount that can be captured "
            f"({intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    fee = call.params.integer("application_fee_amount")
    fee = (intent["application_fee_amount"] or 0) if fee is None else fee
    if fee > amount:
        raise invalid(
            "application_fee_amount must not be greater than the captured amount.",
            param="application_fee_amount",
        )
    if fee and call.account == PLATFORM:
        raise invalid(
            "application_fee_amount needs the Stripe-Account header.",
            param="application_fee_amount",
        )
    intent["metadata"] = call.params.metadata(intent["metadata"])
    return _settle(call, intent, charge, amount, fee)


def _settle(call: Call, intent: Json, charge: Json, amount: int, fee: int) -> Json:
    """Credit the account and book every fee: the charge is paid from here."""
    application_fee = _application_fee(call, charge, fee) if fee else None
    charge.update(
        captured=True,
        amount_captured=amount,
        application_fee=application_fee["id"] if application_fee else None,
        application_fee_amount=fee or None,
    )
    posted = ledger.post_capture(call, charge, application_fee)
    charge["balance_transaction"] = posted["id"]
    first = intent["capture_method"] != "manual"
    intent.update(
        status="succeeded",
        amount_capturable=0,
        amount_received=amount,
        application_fee_amount=fee or None,
    )
    call.put("charge", charge)
    call.put("payment_intent", intent)
    call.emit("charge.succeeded" if first else "charge.captured", charge)
    call.emit("payment_intent.succeeded", intent)
    if application_fee is not None:
        call.unit.put(PLATFORM, "application_fee", application_fee)
        call.unit.emit(PLATFORM, "application_fee.created", application_fee)
    card = call.unit.find(PLATFORM, "_card", charge["_card"])
    if card and card["behaviour"] == cards.DISPUTE:
        disputes.open_dispute(call, charge, amount=amount, reason="fraudulent")
    return intent


def _application_fee(call: Call, charge: Json, amount: int) -> Json:
    reference = ids.new("fee")
    return {
        "id": reference,
        "object": "application_fee",
        "account": call.account,
        "amount": amount,
        "amount_refunded": 0,
        "application": "ca_simulator",
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "fee_source": {"type": "charge", "charge": charge["id"]},
        "livemode": False,
        "originating_transaction": None,
        "refunded": False,
        "refunds": shapes.empty_list(f"/v1/application_fees/{reference}/refunds"),
    }


def increment(call: Call) -> Json:
    """Raise a hold, where the intent asked for it and the card allows it."""
    intent, charge = _held(call, "incremented")
    details = charge["payment_method_details"]["card"]
    if details["incremental_authorization"]["status"] != "available":
        raise invalid(
            "This PaymentIntent does not support incremental authorization: ask "
            "for it with payment_method_options[card]"
            "[request_incremental_authorization]=if_available.",
            code="payment_intent_increment_not_supported",
        )
    amount = call.params.need_integer("amount")
    if not intent["amount"] < amount <= AMOUNT_MAX_MINOR:
        raise invalid(
            f"amount must be greater than {intent['amount']} and at most "
            f"{AMOUNT_MAX_MINOR}.",
            param="amount",
        )
    intent.update(amount=amount, amount_capturable=amount)
    fee = call.params.integer("application_fee_amount")
    if fee is not None:
        intent["application_fee_amount"] = fee
    charge["amount"] = amount
    details["amount_authorized"] = amount
    details["overcapture"]["maximum_amount_capturable"] = amount
    call.put("charge", charge)
    call.put("payment_intent", intent)
    call.emit("payment_intent.amount_capturable_updated", intent)
    return intent


def cancel(call: Call) -> Json:
    """Release a hold, or give up an unpaid intent."""
    intent = call.get("payment_intent", call.path["intent"], param="intent")
    if intent["status"] in {"succeeded", "canceled"}:
        raise wrong_state(
            f"You cannot cancel this PaymentIntent because it has a status of "
            f"{intent['status']}.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": public(intent)},
        )
    reasons = {"abandoned", "duplicate", "fraudulent", "requested_by_customer"}
    reason = call.params.choice("cancellation_reason", reasons)
    return release(call, intent, reason=reason)


def release(call: Call, intent: Json, *, reason: str | None) -> Json:
    """Cancel an intent and set its held money free."""
    held = intent["status"] == "requires_capture"
    intent.update(
        status="canceled",
        amount_capturable=0,
        canceled_at=call.now,
        cancellation_reason=reason,
        next_action=None,
    )
    if held:
        charge = call.get("charge", intent["latest_charge"], param="intent")
        charge.update(refunded=True, amount_refunded=charge["amount"])
        call.put("charge", charge)
        event = "charge.expired" if reason == "expired" else "charge.refunded"
        call.emit(event, charge)
    call.put("payment_intent", intent)
    call.emit("payment_intent.canceled", intent)
    return intent


def expire(call: Call, reference: str) -> None:
    """Release a hold that was not captured in time."""
    intent = call.unit.find(call.account, "payment_intent", reference)
    if intent is None or intent["status"] != "requires_capture":
        return
    charge = call.get("charge", intent["latest_charge"], param="intent")
    capture_before = charge["payment_method_details"]["card"]["capture_before"]
    if capture_before <= call.now:
        release(call, intent, reason="expired")
