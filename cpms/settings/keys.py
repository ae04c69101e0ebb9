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

from django.core.exceptions import ImproperlyConfigured

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


def production_secret(name: str) -> str:
    """Read a secret from ``NAME`` or from the file named by ``NAME_FILE``.

    Raises:
        ImproperlyConfigured: it is missing or shorter than 32 characters.
    """
    file = os.environ.get(f"{name}_FILE")
    value = Path(file).read_text().strip() if file else os.environ.get(name, "")
    if len(value) < 32:
        raise ImproperlyConfigured(
            f"{name} is missing or shorter than 32 characters. Set {name}, or "
            f"{name}_FILE to a file that holds it (docs/reference/settings.md)."
        )
    return value


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
