"""The short form of a certificate: what fits into a QR code.

22 digits of base 58 (no letters that look alike) carry 128 random bits, two more are
a checksum: a mistyped code is refused before anything is looked up.
"""

import hashlib
import secrets
from typing import Final

from django.conf import settings

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SECRET_BITS: Final = 128
SECRET_CHARS: Final = 22
CHECKSUM_CHARS: Final = 2
CODE_CHARS: Final = SECRET_CHARS + CHECKSUM_CHARS
URI_CHARS_MAX: Final = 60
PATH: Final = "/c/"

_DIGITS: Final = frozenset(ALPHABET)


def _encode(number: int, chars: int) -> str:
    digits = []
    for _ in range(chars):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def checksum(secret: str) -> str:
    """Two digits that a typing error changes."""
    digest = hashlib.sha256(secret.encode()).digest()
    return _encode(int.from_bytes(digest[:8]), CHECKSUM_CHARS)


def new_code() -> str:
    """A fresh secret with its checksum."""
    secret = _encode(secrets.randbits(SECRET_BITS), SECRET_CHARS)
    return secret + checksum(secret)


def is_code(text: str) -> bool:
    """Whether this could be a code of ours: length, digits and checksum."""
    if len(text) != CODE_CHARS or not _DIGITS.issuperset(text):
        return False
    return checksum(text[:SECRET_CHARS]) == text[SECRET_CHARS:]


def uri_of(code: str) -> str:
    """What the QR code says."""
    return f"{settings.PUBLIC_BASE_URL}{PATH}{code}"


def code_in(presented: str) -> str | None:
    """The code in what somebody presents: a code, or an address that ends in one."""
    text = presented.strip()
    if "/" in text:
        text = text.rstrip("/").rpartition("/")[2]
    return text if is_code(text) else None
