"""Webhooks: who sent this body, and when."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Final

from settlement.providers.base import ProviderEvent, UnableToVerifyWebhook
from settlement.providers.stripe_connect import mapping

TOLERANCE_S: Final = 300
PAYLOAD_BYTES_MAX: Final = 1 << 20


def _parse(signature: str) -> tuple[int, list[str]]:
    """Return time and v1 signatures of `t=…,v1=…,v1=…`."""
    times: list[str] = []
    found: list[str] = []
    for part in signature.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1":
            found.append(value)
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or not found:
        raise UnableToVerifyWebhook(
            "webhook_signature_malformed",
            "The Stripe-Signature header must hold one t= and at least one v1=.",
        )
    return int(times[0]), found


def verify(
    payload: bytes, signature: str, secrets: Iterable[str], now: int
) -> ProviderEvent:
    """Return the event of a body that one of our secrets signed.

    The signature is HMAC-SHA256 over `<t>.<raw body>`; `t` may differ from
    `now` (seconds since the epoch) by `TOLERANCE_S`, so that an old delivery
    cannot be played again.

    Raises:
        UnableToVerifyWebhook: too large, malformed, not signed by us, too old,
            or no event.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise UnableToVerifyWebhook(
            "webhook_too_large", f"A webhook has at most {PAYLOAD_BYTES_MAX} bytes."
        )
    told_at, given = _parse(signature)
    signed = b"%d." % told_at + payload
    expected = [
        hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        for secret in secrets
    ]
    if not any(
        hmac.compare_digest(wanted, found.encode())
        for wanted in expected
        for found in given
    ):
        raise UnableToVerifyWebhook(
            "webhook_signature_invalid",
            "No signature of this webhook matches. Compare the endpoint's signing "
            "secret with PAYMENT_PROVIDERS.",
        )
    if abs(now - told_at) > TOLERANCE_S:
        raise UnableToVerifyWebhook(
            "webhook_too_old",
            f"The webhook was signed more than {TOLERANCE_S} s from our time.",
        )
    try:
        return mapping.event(json.loads(payload))
    except (ValueError, KeyError, TypeError):
        raise UnableToVerifyWebhook(
            "webhook_malformed", "The signed body is no event of this API."
        ) from None
