"""Secrets at rest: sealed with ``KEY_ENCRYPTION_KEY``, readable by nobody else.

While the key is being changed, what was sealed with a key of
``KEY_ENCRYPTION_KEYS_FORMER`` can be read too; ``resealing`` seals it anew.
"""

from functools import lru_cache
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from cpms.kernel.errors import DomainError


class UnableToUnseal(DomainError):
    """What was sealed cannot be read with the keys of today."""

    http_status: ClassVar[int] = 500


@lru_cache(maxsize=8)
def _cipher(*keys: str) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _present() -> MultiFernet:
    return _cipher(settings.KEY_ENCRYPTION_KEY)


def _all() -> MultiFernet:
    return _cipher(settings.KEY_ENCRYPTION_KEY, *settings.KEY_ENCRYPTION_KEYS_FORMER)


def seal(text: str) -> str:
    """Encrypt and authenticate a text; printable, about 1.4 times as long."""
    return seal_bytes(text.encode()).decode()


def seal_bytes(data: bytes) -> bytes:
    """As ``seal``, of bytes."""
    return _present().encrypt(data)


def unseal(sealed: str) -> str:
    """The text that was sealed.

    Raises:
        UnableToUnseal: it was sealed with another key, or changed since.
    """
    return unseal_bytes(sealed.encode()).decode()


def unseal_bytes(sealed: bytes) -> bytes:
    """As ``unseal``, of bytes.

    Raises:
        UnableToUnseal: it was sealed with another key, or changed since.
    """
    try:
        return _all().decrypt(sealed)
    except InvalidToken as error:
        raise UnableToUnseal(
            "sealed_with_another_key",
            "This was sealed with another KEY_ENCRYPTION_KEY; start with the key "
            "that this database was used with, or name it in "
            "KEY_ENCRYPTION_KEYS_FORMER.",
        ) from error


def is_sealed_now(sealed: bytes) -> bool:
    """Whether it is sealed with the present key."""
    try:
        _present().decrypt(sealed)
    except InvalidToken:
        return False
    return True
