"""Identifiers: all random ones come from the operating system's generator."""

import base64
import hashlib
import secrets
from typing import Final

ORDER_NUMBER_BYTES: Final = 10
"""80 random bits: 20 hexadecimal digits, which every charger takes as idTag."""


def new_order_number() -> str:
    """20 upper-case hexadecimal digits (OCPP 1.6 IdToken: at most 20)."""
    return secrets.token_hex(ORDER_NUMBER_BYTES).upper()


def new_secret(*, bits: int = 256) -> str:
    """A URL-safe secret with at least ``bits`` random bits."""
    return secrets.token_urlsafe((bits + 7) // 8)


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def sha256_b64url(value: str | bytes) -> str:
    """SHA-256 of the text's UTF-8 bytes, base64url without padding (43 chars)."""
    data = value.encode() if isinstance(value, str) else value
    return b64url(hashlib.sha256(data).digest())


def sha256_hex(value: str | bytes) -> str:
    """SHA-256 of the text's UTF-8 bytes as 64 hexadecimal digits."""
    data = value.encode() if isinstance(value, str) else value
    return hashlib.sha256(data).hexdigest()
