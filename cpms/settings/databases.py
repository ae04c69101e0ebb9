"""Which database this process speaks to, and as whom.

Three roles (see docs/adr/0003): ``owner`` migrates, ``app`` serves the web and
lives behind row level security, ``system`` is the gateway and the workers.
"""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROLES: Final = ("owner", "app", "system")


def parse_database_url(url: str) -> dict[str, Any]:
    """Turn ``postgresql://user:password@host:port/name?host=/socket`` into settings.

    Raises:
        ImproperlyConfigured: it is not a PostgreSQL URL with a database name.
    """
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name; "
            f"got scheme {parts.scheme!r} and database {name!r}."
        )
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if pair)
    host = unquote(options.pop("host", parts.hostname or ""))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": {key: unquote(value) for key, value in options.items()},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


def database_url(role: str, home: Path) -> str:
    """The URL for a role: its own variable, the common one, or the embedded server.

    Raises:
        ImproperlyConfigured: the role is none of owner, app, system.
    """
    if role not in ROLES:
        raise ImproperlyConfigured(
            f"CPMS_DATABASE_ROLE is {role!r}; it must be one of {', '.join(ROLES)}."
        )
    url = os.environ.get(f"DATABASE_URL_{role.upper()}") or os.environ.get(
        "DATABASE_URL"
    )
    if url:
        return url
    from cpms.embedded import ensure_postgres  # noqa: PLC0415 - only when embedded

    return str(getattr(ensure_postgres(home), role))


def redis_url(home: Path) -> str:
    """``REDIS_URL``, or the embedded Valkey."""
    url = os.environ.get("REDIS_URL")
    if url:
        return url
    from cpms.embedded import ensure_valkey  # noqa: PLC0415 - only when embedded

    return ensure_valkey(home)
