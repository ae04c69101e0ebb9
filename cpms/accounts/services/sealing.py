"""Secrets at rest: sealed with ``KEY_ENCRYPTION_KEY``, readable by nobody else."""

from functools import lru_cache
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from cpms.kernel.errors import DomainError


class UnableToUnseal(DomainError):
    """What was sealed cannot be read with the key of today."""

    http_status: ClassVar[int] = 500


@lru_cache(maxsize=4)
def _cipher(key: str) -> Fernet:
    return Fernet(key)


def seal(text: str) -> str:
    """Encrypt and authenticate a text; printable, about 1.4 times as long."""
    return _cipher(settings.KEY_ENCRYPTION_KEY).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that was sealed.

    Raises:
        UnableToUnseal: it was sealed with another key, or changed since.
    """
    try:
        return _cipher(settings.KEY_ENCRYPTION_KEY).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise UnableToUnseal(
            "sealed_with_another_key",
            "This was sealed with another KEY_ENCRYPTION_KEY; start with the key "
            "that this database was used with.",
        ) from error
