"""Postings: every money fact as a balance transaction and an entry."""

from dataclasses import dataclass

from simulators.psp import ids
from simulators.psp.books import BANKS, ISSUERS, PROVIDER, Entry, Line
from simulators.psp.call import Call
from simulators.psp.errors import Json
from simulators.psp.limits import PLATFORM
from simulators.psp.store import Unit


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of an account's balance. Money in minor units, signed."""

    kind: str
    category: str
    amount_minor: int
    currency: str
    source: str
    available_on: int
    provider_fee_minor: int = 0
    application_fee_minor: int = 0


def record(unit: Unit, account: str, movement: Movement) -> Json:
    """Stage the balance transaction of a movement and return it."""
    fees = (
        ("stripe_fee", movement.provider_fee_minor),
        ("application_fee", movement.application_fee_minor),
    )
    fee = movement.provider_fee_minor + movement.application_fee_minor
    waiting = movement.available_on > unit.now
    return unit.put(
        account,
        "balance_transaction",
        {
            "id": ids.new("txn"),
            "object": "balance_transaction",
            "amount": movement.amount_minor,
            "available_on": movement.available_on,
            "balance_type": "payments",
            "created": unit.now,
            "currency": movement.currency,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [
                {
                    "amount": amount,
                    "application": None,
                    "currency": movement.currency,
                    "type": kind,
                }
                for kind, amount in fees
                if amount
            ],
            "net": movement.amount_minor - fee,
            "reporting_category": movement.category,
            "source": movement.source,
            "status": "pending" if waiting else "available",
            "type": movement.kind,
        },
    )


def _lines(*lines: tuple[str, str, int]) -> tuple[Line, ...]:
    return tuple(Line(*line) for line in lines if line[2])


def post_capture(call: Call, charge: Json, fee: Json | None) -> Json:
    """Credit a captured charge to the acting account, fees taken at once.

    Returns the account's balance transaction. The platform gets nothing but
    its application fee.
    """
    amount, currency = charge["amount_captured"], charge["currency"]
    provider_fee = call.rules.fee_minor(amount)
    application_fee = fee["amount"] if fee else 0
    available_on = call.now + call.rules.available_after_s
    lines = _lines(
        (ISSUERS, "captured", -amount),
        (call.account, "captured", amount),
        (call.account, "provider_fee", -provider_fee),
        (PROVIDER, "provider_fee", provider_fee),
        (call.account, "application_fee", -application_fee),
        (PLATFORM, "application_fee_earned", application_fee),
    )
    call.unit.post(Entry(call.now, currency, available_on, lines, charge["id"]))
    if fee is not None:
        earned = Movement(
            "application_fee",
            "platform_earning",
            application_fee,
            currency,
            fee["id"],
            available_on,
        )
        fee["balance_transaction"] = record(call.unit, PLATFORM, earned)["id"]
    movement = Movement(
        "charge",
        "charge",
        amount,
        currency,
        charge["id"],
        available_on,
        provider_fee,
        application_fee,
    )
    return record(call.unit, call.account, movement)


def post_refund(call: Call, refund: Json, returned_minor: int) -> Json:
    """Debit a refund; `returned_minor` of the application fee comes back."""
    amount, currency = refund["amount"], refund["currency"]
    lines = _lines(
        (call.account, "refunded", -amount),
        (ISSUERS, "refunded", amount),
        (PLATFORM, "application_fee_refunded", -returned_minor),
        (call.account, "application_fee_returned", returned_minor),
    )
    call.unit.post(Entry(call.now, currency, call.now, lines, refund["id"]))
    movement = Movement(
        "refund",
        "refund",
        -amount,
        currency,
        refund["id"],
        call.now,
        application_fee_minor=-returned_minor,
    )
    return record(call.unit, call.account, movement)


def post_fee_refund(unit: Unit, fee_refund: Json) -> Json:
    """Debit the platform for an application fee that it gives back."""
    movement = Movement(
        "application_fee_refund",
        "platform_earning_refund",
        -fee_refund["amount"],
        fee_refund["currency"],
        fee_refund["id"],
        unit.now,
    )
    return record(unit, PLATFORM, movement)


def post_fee_refund_alone(unit: Unit, account: str, fee_refund: Json) -> None:
    """Give an application fee back without a refund of the charge."""
    amount, currency = fee_refund["amount"], fee_refund["currency"]
    lines = _lines(
        (PLATFORM, "application_fee_refunded", -amount),
        (account, "application_fee_returned", amount),
    )
    unit.post(Entry(unit.now, currency, unit.now, lines, fee_refund["id"]))
    movement = Movement(
        "adjustment", "fee", amount, currency, fee_refund["id"], unit.now
    )
    record(unit, account, movement)


def post_dispute(call: Call, dispute: Json, *, won: bool) -> Json:
    """Withdraw a disputed amount and the fee, or give the amount back."""
    amount, currency = dispute["amount"], dispute["currency"]
    fee = 0 if won else call.rules.dispute_fee_minor
    signed = amount if won else -amount
    category = "dispute_returned" if won else "disputed"
    lines = _lines(
        (call.account, category, signed),
        (ISSUERS, category, -signed),
        (call.account, "dispute_fee", -fee),
        (PROVIDER, "dispute_fee", fee),
    )
    call.unit.post(Entry(call.now, currency, call.now, lines, dispute["id"]))
    movement = Movement(
        "adjustment",
        "dispute_reversal" if won else "dispute",
        signed,
        currency,
        dispute["id"],
        call.now,
        fee,
    )
    return record(call.unit, call.account, movement)


def post_payout(call: Call, payout: Json) -> Json:
    """Debit money that goes to the account's own bank."""
    amount, currency = payout["amount"], payout["currency"]
    lines = _lines((call.account, "paid_out", -amount), (BANKS, "paid_out", amount))
    call.unit.post(Entry(call.now, currency, call.now, lines, payout["id"]))
    movement = Movement("payout", "payout", -amount, currency, payout["id"], call.now)
    return record(call.unit, call.account, movement)
