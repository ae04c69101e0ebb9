"""Identifiers in the provider's form: a prefix and random characters."""

import base64
import secrets
from typing import Final

_LENGTH: Final = 24

# Prefix of an id -> the kind of object that carries it.
KINDS: Final = {
    "acct": "account",
    "ch": "charge",
    "cs": "checkout.session",
    "cus": "customer",
    "dp": "dispute",
    "evt": "event",
    "fee": "application_fee",
    "fr": "fee_refund",
    "pi": "payment_intent",
    "pm": "payment_method",
    "po": "payout",
    "re": "refund",
    "seti": "setup_intent",
    "txn": "balance_transaction",
    "we": "webhook_endpoint",
}


def token(length: int = _LENGTH) -> str:
    """Return random letters and digits, close to 6 bits each."""
    raw = base64.b64encode(secrets.token_bytes(length), altchars=b"Zz")
    return raw[:length].decode()


def new(prefix: str) -> str:
    """Return a new id with this prefix."""
    return f"{prefix}_{token()}"


def kind_of(reference: str) -> str | None:
    """Return the kind of object an id names, None when unknown."""
    return KINDS.get(reference.split("_", 1)[0])
