"""The provider's objects as our facts. All input is plain JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from settlement.providers.base import (
    AccountStatus,
    DisputeState,
    PaymentState,
    ProviderBalanceTransaction,
    ProviderCheckout,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPaymentMethod,
    ProviderRefund,
    RefundState,
)

Data = Mapping[str, Any]

ORDER_NUMBER: Final = "order_number"
SEQUENCE: Final = "payment_sequence"

ECHOES: Final = frozenset(
    {
        "payment_intent.created",
        "charge.succeeded",
        "charge.captured",
        "charge.failed",
        "charge.updated",
        "application_fee.created",
        "application_fee.refunded",
        "customer.created",
        "customer.updated",
        "payment_method.attached",
        "payout.created",
        "payout.paid",
    }
)
"""Kept and not asked after: ``payment_intent.amount_capturable_updated``,
``.requires_action``, ``.succeeded``, ``.payment_failed`` and ``.canceled`` tell the
same of a payment, and the answer to our own call tells the rest."""

# An intent that waits for a method or confirmation has not been tried: it is
# nothing final, so it is still processing.
_PAYMENT_STATES: Final[Mapping[str, PaymentState]] = {
    "requires_payment_method": "processing",
    "requires_confirmation": "processing",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "authorized",
    "succeeded": "captured",
    "canceled": "cancelled",
}
_REFUND_STATES: Final[Mapping[str, RefundState]] = {
    "succeeded": "succeeded",
    "pending": "pending",
    "requires_action": "pending",
    "failed": "failed",
    "canceled": "cancelled",
}


# Inquiries ("warning_…") take no money yet, but want an answer all the same.
_DISPUTE_STATES: Final[Mapping[str, DisputeState]] = {
    "warning_needs_response": "open",
    "warning_under_review": "submitted",
    "warning_closed": "won",
    "needs_response": "open",
    "under_review": "submitted",
    "won": "won",
    "prevented": "won",
    "lost": "lost",
}


def instant(seconds: int) -> datetime:
    """Return seconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def reference(value: object) -> str | None:
    """Return the id of a reference, expanded or not."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return str(value) if value else None


def _charge(intent: Data) -> Data:
    charge = intent.get("latest_charge")
    return charge if isinstance(charge, Mapping) else {}


def _capture_before(charge: Data) -> datetime | None:
    details = charge.get("payment_method_details") or {}
    seconds = (details.get("card") or {}).get("capture_before")
    return None if seconds is None else instant(seconds)


def _action_url(intent: Data) -> str | None:
    action = intent.get("next_action") or {}
    url = (action.get("redirect_to_url") or {}).get("url")
    return str(url) if url else None


def metadata(order_number: str, sequence: int) -> dict[str, str]:
    """Return what tells in the provider's books which payment of ours this is."""
    return {ORDER_NUMBER: order_number, SEQUENCE: str(sequence)}


def _sequence(intent: Data) -> int | None:
    value = str((intent.get("metadata") or {}).get(SEQUENCE, ""))
    return int(value) if value.isascii() and value.isdigit() else None


def payment(intent: Data) -> ProviderPayment:
    """Return a payment from a payment intent with its latest charge expanded."""
    charge = _charge(intent)
    failure = intent.get("last_payment_error") or {}
    state = _PAYMENT_STATES.get(intent["status"], "processing")
    if intent["status"] == "requires_payment_method" and failure:
        state = "failed"
    captured = bool(charge.get("captured"))
    return ProviderPayment(
        ref=intent["id"],
        state=state,
        amount_minor=intent["amount"],
        amount_capturable_minor=intent.get("amount_capturable") or 0,
        amount_received_minor=intent.get("amount_received") or 0,
        currency=str(intent["currency"]).upper(),
        capture_before=_capture_before(charge) if state == "authorized" else None,
        charge_ref=reference(intent.get("latest_charge")),
        application_fee_ref=reference(charge.get("application_fee")),
        application_fee_minor=charge.get("application_fee_amount") or 0,
        # A released hold shows as refunded too, but no money ever moved.
        amount_refunded_minor=charge.get("amount_refunded", 0) if captured else 0,
        disputed=bool(charge.get("disputed")),
        decline_code=failure.get("decline_code") or failure.get("code"),
        action_url=_action_url(intent),
        order_number=(intent.get("metadata") or {}).get(ORDER_NUMBER),
        sequence=_sequence(intent),
        raw={
            "status": intent["status"],
            "cancellation_reason": intent.get("cancellation_reason"),
            "application_fee_amount": intent.get("application_fee_amount"),
        },
    )


def checkout(session: Data) -> ProviderCheckout:
    """Return a hosted page; intents are read when they are expanded."""
    intent = session.get("payment_intent")
    setup = session.get("setup_intent")
    saved = setup.get("payment_method") if isinstance(setup, Mapping) else None
    done = isinstance(setup, Mapping) and setup.get("status") == "succeeded"
    return ProviderCheckout(
        ref=session["id"],
        state=session["status"],
        url=session.get("url"),
        expires_at=instant(session["expires_at"]),
        payment=payment(intent) if isinstance(intent, Mapping) else None,
        customer_ref=reference(session.get("customer")),
        payment_method_ref=reference(saved) if done else None,
    )


def refund(data: Data, *, fee_refunded_minor: int) -> ProviderRefund:
    """Return a refund."""
    return ProviderRefund(
        ref=data["id"],
        state=_REFUND_STATES.get(str(data.get("status")), "pending"),
        amount_minor=data["amount"],
        currency=str(data["currency"]).upper(),
        payment_ref=reference(data.get("payment_intent")),
        charge_ref=reference(data.get("charge")),
        application_fee_refunded_minor=fee_refunded_minor,
    )


def dispute(data: Data) -> ProviderDispute:
    """Return a dispute; an unknown status is an open one."""
    due = (data.get("evidence_details") or {}).get("due_by")
    return ProviderDispute(
        ref=data["id"],
        state=_DISPUTE_STATES.get(str(data["status"]), "open"),
        amount_minor=data["amount"],
        currency=str(data["currency"]).upper(),
        reason=str(data.get("reason") or ""),
        payment_ref=reference(data.get("payment_intent")),
        charge_ref=reference(data.get("charge")),
        due_at=None if due is None else instant(due),
        opened_at=instant(data["created"]),
    )


def payment_method(data: Data) -> ProviderPaymentMethod:
    """Return what a payer may see; brand and digits are empty without a card."""
    card = data.get("card") or {}
    return ProviderPaymentMethod(
        ref=data["id"],
        customer_ref=reference(data.get("customer")),
        kind=data["type"],
        brand=card.get("brand") or "",
        last4=card.get("last4") or "",
        expires_year=card.get("exp_year"),
        expires_month=card.get("exp_month"),
    )


def account(data: Data) -> AccountStatus:
    """Return what an account may do."""
    needed = data.get("requirements") or {}
    deadline = needed.get("current_deadline")
    due = {*(needed.get("currently_due") or ()), *(needed.get("past_due") or ())}
    return AccountStatus(
        account=data["id"],
        charges_enabled=bool(data.get("charges_enabled")),
        payouts_enabled=bool(data.get("payouts_enabled")),
        details_submitted=bool(data.get("details_submitted")),
        requirements_due=tuple(sorted(due)),
        disabled_reason=needed.get("disabled_reason"),
        currency=str(data.get("default_currency") or "").upper(),
        country=data.get("country"),
        due_by=None if deadline is None else instant(deadline),
    )


def event(data: Data) -> ProviderEvent:
    """Return an event's references.

    Raises:
        KeyError, TypeError: it is no event of this API.
    """
    thing: Data = data["data"]["object"]
    is_payment = thing["object"] == "payment_intent"
    payment_ref = thing["id"] if is_payment else thing.get("payment_intent")
    return ProviderEvent(
        ref=data["id"],
        type=data["type"],
        account=data.get("account"),
        object_type=thing["object"],
        object_ref=thing["id"],
        payment_ref=reference(payment_ref),
        created_at=instant(data["created"]),
        is_echo=data["type"] in ECHOES,
    )


def balance_transaction(data: Data) -> ProviderBalanceTransaction:
    """Return one line of a balance, its fee split by who takes it."""
    fees = {"stripe_fee": 0, "application_fee": 0}
    for fee in data.get("fee_details") or ():
        fees[fee["type"]] = fees.get(fee["type"], 0) + fee["amount"]
    application_fee_minor = fees["application_fee"]
    return ProviderBalanceTransaction(
        ref=data["id"],
        type=data["type"],
        source_ref=reference(data.get("source")),
        amount_minor=data["amount"],
        fee_minor=data["fee"],
        provider_fee_minor=data["fee"] - application_fee_minor,
        application_fee_minor=application_fee_minor,
        net_minor=data["net"],
        currency=str(data["currency"]).upper(),
        created_at=instant(data["created"]),
        available_at=instant(data["available_on"]),
    )
