"""Refunds of charges, and of the platform's application fees."""

from simulators.psp import ids, ledger
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid, missing_parameter, no_such, wrong_state
from simulators.psp.limits import PLATFORM
from simulators.psp.rules import half_up
from simulators.psp.store import Unit

_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


def _charge(call: Call) -> Json:
    intent_id = call.params.text("payment_intent")
    charge_id = call.params.text("charge")
    if intent_id:
        intent = call.unit.find(call.account, "payment_intent", intent_id)
        if intent is None:
            raise no_such(
                "payment_intent", intent_id, param="payment_intent", status=404
            )
        charge_id = intent["latest_charge"]
    if not charge_id:
        if intent_id:
            raise _nothing_to_refund(intent_id)
        raise missing_parameter("payment_intent")
    charge = call.unit.find(call.account, "charge", charge_id)
    if charge is None:
        raise no_such("charge", charge_id, param="charge", status=404)
    if not charge["captured"]:
        raise _nothing_to_refund(charge["payment_intent"])
    return charge


def _nothing_to_refund(reference: str) -> Exception:
    return wrong_state(
        f"This PaymentIntent ({reference}) does not have a successful charge "
        "to refund.",
        code="payment_intent_unexpected_state",
    )


def _was_won(call: Call, charge: Json) -> bool:
    """Whether the bank gave the money of a dispute back: then it can be refunded.

    https://github.com/Automattic/woocommerce-payments/issues/7960
    """
    dispute = call.unit.find(call.account, "dispute", charge.get("_dispute", ""))
    return dispute is not None and dispute["status"] == "won"


def _amount(call: Call, charge: Json) -> int:
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] and not _was_won(call, charge):
        raise wrong_state(
            f"Charge {charge['id']} has been charged back; it cannot be refunded.",
            code="charge_disputed",
        )
    if left == 0:
        raise wrong_state(
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    amount = call.params.integer("amount")
    amount = left if amount is None else amount
    if not 1 <= amount <= left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on "
            f"charge ({left}), or zero.",
            code="amount_too_large" if amount else "parameter_invalid_integer",
            param="amount",
        )
    return amount


def create(call: Call) -> Json:
    """Give money back to the card holder from the acting account's balance."""
    charge = _charge(call)
    amount = _amount(call, charge)
    refund: Json = {
        "id": ids.new("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "destination_details": {
            "type": "card",
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
        },
        "metadata": call.params.metadata(),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": call.params.choice("reason", _REASONS),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    returned = 0
    if call.params.flag("refund_application_fee"):
        returned = _return_fee(call, charge, amount)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    posted = ledger.post_refund(call, refund, returned)
    refund["balance_transaction"] = posted["id"]
    call.put("charge", charge)
    call.put("refund", refund)
    call.emit("charge.refunded", charge)
    call.emit("refund.created", refund)
    return refund


def _return_fee(call: Call, charge: Json, amount: int) -> int:
    """Refund the fee's share of this amount; a full refund returns all of it.

    The share is computed on the cumulative refunded amount, half up, so that
    the parts of a charge add up to the whole fee.
    """
    if charge["application_fee"] is None:
        raise invalid(
            "This charge has no application fee to refund.",
            param="refund_application_fee",
        )
    fee = call.unit.find(PLATFORM, "application_fee", charge["application_fee"])
    if fee is None:
        return 0
    charge["_fee_base"] += amount
    target = half_up(fee["amount"] * charge["_fee_base"], charge["amount_captured"])
    left = fee["amount"] - fee["amount_refunded"]
    returned: int = min(target - charge["_fee_returned"], left)
    charge["_fee_returned"] += returned
    if returned:
        fee_refund = _refund_fee(call.unit, fee, returned, {}, call.now)
        call.unit.put(PLATFORM, "fee_refund", fee_refund)
    return returned


def _refund_fee(unit: Unit, fee: Json, amount: int, metadata: Json, now: int) -> Json:
    fee_refund: Json = {
        "id": ids.new("fr"),
        "object": "fee_refund",
        "amount": amount,
        "balance_transaction": None,
        "created": now,
        "currency": fee["currency"],
        "fee": fee["id"],
        "metadata": metadata,
    }
    posted = ledger.post_fee_refund(unit, fee_refund)
    fee_refund["balance_transaction"] = posted["id"]
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    fee["refunds"]["data"].insert(0, fee_refund)
    unit.put(PLATFORM, "application_fee", fee)
    unit.emit(PLATFORM, "application_fee.refunded", fee)
    return fee_refund


def get(call: Call) -> Json:
    """Return one refund."""
    return call.get("refund", call.path["refund"], param="refund")


def list_all(call: Call) -> Json:
    """List refunds, also of one charge or intent."""
    wanted = field_filter(call.params, "charge", "payment_intent")
    return page(call, "refund", wanted)


def update(call: Call) -> Json:
    """Change a refund's metadata."""
    refund = get(call)
    refund["metadata"] = call.params.metadata(refund["metadata"])
    return call.put("refund", refund)


def get_charge(call: Call) -> Json:
    """Return one charge."""
    return call.get("charge", call.path["charge"], param="charge")


def update_charge(call: Call) -> Json:
    """Change a charge's metadata."""
    charge = get_charge(call)
    charge["metadata"] = call.params.metadata(charge["metadata"])
    return call.put("charge", charge)


def get_fee(call: Call) -> Json:
    """Return one application fee of the platform."""
    call.require_platform()
    return call.get("application_fee", call.path["id"], param="id")


def list_fees(call: Call) -> Json:
    """List the platform's application fees, also of one charge."""
    call.require_platform()
    return page(call, "application_fee", field_filter(call.params, "charge"))


def create_fee_refund(call: Call) -> Json:
    """Give an application fee back to the account, without a refund."""
    fee = get_fee(call)
    left = fee["amount"] - fee["amount_refunded"]
    amount = call.params.integer("amount")
    amount = left if amount is None else amount
    if not 1 <= amount <= left:
        raise invalid(
            f"Refund amount ({amount}) must be 1 to {left}: the unrefunded "
            "rest of the application fee.",
            param="amount",
        )
    metadata = call.params.metadata()
    fee_refund = _refund_fee(call.unit, fee, amount, metadata, call.now)
    ledger.post_fee_refund_alone(call.unit, fee["account"], fee_refund)
    return call.unit.put(PLATFORM, "fee_refund", fee_refund)


def list_fee_refunds(call: Call) -> Json:
    """List what was given back of one application fee."""
    fee = get_fee(call)
    return page(call, "fee_refund", lambda refund: refund["fee"] == fee["id"])
