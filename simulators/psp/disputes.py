"""Disputes: a card holder's bank takes money back."""

from typing import Final

from simulators.psp import ids, ledger
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid, wrong_state

ANSWER_WITHIN_S: Final = 7 * 86_400
REASONS: Final = frozenset(
    {
        "credit_not_processed",
        "duplicate",
        "fraudulent",
        "general",
        "product_not_received",
        "product_unacceptable",
        "unrecognized",
    }
)
EVIDENCE: Final = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
_OPEN: Final = frozenset({"needs_response", "under_review"})


def open_dispute(call: Call, charge: Json, *, amount: int, reason: str) -> Json:
    """Withdraw the disputed amount and the dispute fee from the account."""
    dispute: Json = {
        "id": ids.new("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": call.now + ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "chargeback",
                "network_reason_code": "10",
            },
        },
        "reason": reason,
        "status": "needs_response",
    }
    posted = ledger.post_dispute(call, dispute, won=False)
    dispute["balance_transactions"] = [posted]
    charge["disputed"], charge["_dispute"] = True, dispute["id"]
    call.put("charge", charge)
    call.put("dispute", dispute)
    call.emit("charge.dispute.created", dispute)
    call.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def open_for(call: Call, charge: Json, *, amount: int | None, reason: str) -> Json:
    """Open a dispute of a captured charge (control endpoint).

    Raises:
        ApiError: not captured, disputed before, or more than is left.
    """
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if reason not in REASONS:
        raise invalid(f"reason must be one of {', '.join(sorted(REASONS))}")
    if charge["disputed"] or not charge["captured"] or not 1 <= amount <= left:
        raise invalid(f"Charge {charge['id']} cannot be disputed for {amount}.")
    return open_dispute(call, charge, amount=amount, reason=reason)


def get(call: Call) -> Json:
    """Return one dispute."""
    return call.get("dispute", call.path["dispute"], param="dispute")


def list_all(call: Call) -> Json:
    """List disputes, also of one charge or intent."""
    wanted = field_filter(call.params, "charge", "payment_intent")
    return page(call, "dispute", wanted)


def update(call: Call) -> Json:
    """Take evidence; with `submit` it goes to the bank."""
    dispute = get(call)
    if dispute["status"] != "needs_response":
        raise _closed(dispute)
    details = dispute["evidence_details"]
    for name in EVIDENCE:
        value = call.params.text(f"evidence.{name}")
        if value is not None:
            dispute["evidence"][name] = value
            details["has_evidence"] = True
    dispute["metadata"] = call.params.metadata(dispute["metadata"])
    if call.params.flag("submit", default=True) and details["has_evidence"]:
        dispute["status"] = "under_review"
        details["submission_count"] += 1
    call.put("dispute", dispute)
    call.emit("charge.dispute.updated", dispute)
    return dispute


def close(call: Call) -> Json:
    """Accept the dispute as lost."""
    return resolve(call, get(call), won=False)


def resolve(call: Call, dispute: Json, *, won: bool) -> Json:
    """End a dispute; a won one gives the amount back, not the fee."""
    if dispute["status"] not in _OPEN:
        raise _closed(dispute)
    dispute["status"] = "won" if won else "lost"
    if won:
        posted = ledger.post_dispute(call, dispute, won=True)
        dispute["balance_transactions"].append(posted)
        call.emit("charge.dispute.funds_reinstated", dispute)
    call.put("dispute", dispute)
    call.emit("charge.dispute.closed", dispute)
    return dispute


def _closed(dispute: Json) -> Exception:
    return wrong_state(
        f"This dispute is {dispute['status']} and cannot change.",
        code="dispute_unexpected_state",
    )
