"""Secrets of a development checkout: random, made once, kept in a 0600 file.

Production never uses this: its secrets come from the environment or from files
named by ``<NAME>_FILE``.
"""

import json
import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

SECRET_CHARS_MIN: Final = 32
DISTINCT_CHARS_MIN: Final = 10
NAMES: Final = ("SECRET_KEY", "CHARGE_POINT_PASSWORD_KEY", "KEY_ENCRYPTION_KEY")


def development_secrets(home: Path) -> dict[str, str]:
    """Read or make the checkout's own secrets.

    Two processes that start at the same moment agree: the file appears whole
    (hard link of a finished temporary file) and the first one wins.
    """
    path = home / "secrets.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        fresh = {name: secrets.token_urlsafe(48) for name in NAMES}
        fresh["KEY_ENCRYPTION_KEY"] = urlsafe_b64encode(os.urandom(32)).decode()
        draft = home / f"secrets.{os.getpid()}.tmp"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(fresh, file)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    values = json.loads(path.read_text())
    return {name: os.environ.get(name) or str(values[name]) for name in NAMES}


def secret(name: str) -> str:
    """Read a secret from ``NAME`` or from the file named by ``NAME_FILE``.

    Returns:
        The secret; "" when neither is set.

    Raises:
        ImproperlyConfigured: the file cannot be read.
    """
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name, "")
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names {file}, which cannot be read: {error}."
        ) from error


def production_secret(name: str, *, characters: int = SECRET_CHARS_MIN) -> str:
    """A secret that must be there and hard to guess.

    Raises:
        ImproperlyConfigured: it is missing, short, or made of few characters.
    """
    value = secret(name)
    if len(value) < characters or len(set(value)) < DISTINCT_CHARS_MIN:
        raise ImproperlyConfigured(
            f"{name} is missing or weak: it needs {characters} random characters. Set "
            f"{name}, or {name}_FILE to a file that holds it "
            "(docs/reference/settings.md)."
        )
    return value


def production_key(name: str) -> str:
    """A Fernet key: 32 random bytes in URL-safe base64.

    Raises:
        ImproperlyConfigured: it is missing or something else.
    """
    value = production_secret(name)
    try:
        Fernet(value)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} is not a key: it must be 32 random bytes in URL-safe base64 "
            "(docs/reference/settings.md)."
        ) from error
    return value


def former_keys(name: str) -> list[str]:
    """Keys that may still be read with, in ``NAME`` or ``NAME_FILE``, with commas.

    Raises:
        ImproperlyConfigured: one of them is no Fernet key.
    """
    found = [text.strip() for text in secret(name).replace("\n", ",").split(",")]
    keys = [text for text in found if text]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name}: the key number {number} is none; each must be 32 random "
                "bytes in URL-safe base64 (docs/reference/settings.md)."
            ) from error
    return keys


def require_public_address(base_url: str, hosts: list[str]) -> None:
    """Refuse addresses that others could stand for.

    Raises:
        ImproperlyConfigured: the base URL is not https, or every host name is taken.
    """
    if urlsplit(base_url).scheme != "https" or not urlsplit(base_url).hostname:
        raise ImproperlyConfigured(
            f"PUBLIC_BASE_URL is {base_url!r}; production needs https://HOST."
        )
    if "*" in hosts:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS must name this site's hosts; * takes every name."
        )


def require(*names: str) -> None:
    """Refuse to start without these variables.

    ``DATABASE_URL`` may be given per role instead: ``DATABASE_URL_<ROLE>``.

    Raises:
        ImproperlyConfigured: one is missing; the message names all that are.
    """
    role = os.environ.get("CPMS_DATABASE_ROLE", "system").upper()
    missing = [
        name
        for name in names
        if not os.environ.get(name)
        and not (name == "DATABASE_URL" and os.environ.get(f"DATABASE_URL_{role}"))
    ]
    if missing:
        raise ImproperlyConfigured(
            f"{', '.join(missing)} not set; production needs them "
            "(docs/reference/settings.md)."
        )
