"""Which database this process speaks to, and as whom.

Three roles (see docs/adr/0003): ``owner`` migrates, ``app`` serves the web and
lives behind row level security, ``system`` is the gateway and the workers.
"""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROLES: Final = ("owner", "app", "system")
CONNECT_TIMEOUT_S: Final = 10
KEPT_OPEN_S: Final = 600
"""How long a gateway or worker keeps a connection between two pieces of work."""

_SHAPE: Final = (
    "DATABASE_URL must look like postgresql://user:password@host:5432/name?sslmode=…"
)


def parse_database_url(url: str, role: str = "system") -> dict[str, Any]:
    """Turn ``postgresql://user:password@host:port/name?host=/socket`` into settings.

    Args:
        url: where the database is.
        role: "app" closes its connection after each request. Under ASGI a request
            has a thread of its own, so nobody finds a connection that was kept: they
            pile up until the server has no more (16 clients that asked at the same
            time left 65 open; closed, there were never more than clients).

    Raises:
        ImproperlyConfigured: it is not a PostgreSQL URL with a database name.
    """
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    try:
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{_SHAPE}; it says: {error}.") from error
    if parts.scheme not in {"postgresql", "postgres"} or not name:
        raise ImproperlyConfigured(
            f"{_SHAPE}; got scheme {parts.scheme!r} and database {name!r}."
        )
    host = options.pop("host", unquote(parts.hostname or ""))
    options.setdefault("connect_timeout", str(CONNECT_TIMEOUT_S))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 0 if role == "app" else KEPT_OPEN_S,
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
    """``REDIS_URL``, or the embedded Valkey.

    Raises:
        ImproperlyConfigured: it is not a Redis URL.
    """
    url = os.environ.get("REDIS_URL")
    if url:
        if urlsplit(url).scheme not in {"redis", "rediss"}:
            raise ImproperlyConfigured(
                "REDIS_URL must look like redis://:password@host:6379/0 (rediss:// for "
                f"TLS); got scheme {urlsplit(url).scheme!r}."
            )
        return url
    from cpms.embedded import ensure_valkey  # noqa: PLC0415 - only when embedded

    return ensure_valkey(home)
