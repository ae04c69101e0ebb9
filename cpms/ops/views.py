"""/healthz, /readyz, /metrics."""

from functools import cache
from hmac import compare_digest
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cpms.accounts.tenancy import acting_as_platform
from cpms.ops.metrics import REGISTRY

REDIS_TIMEOUT_S: Final = 1.0
STALE_LISTS: Final = (
    "SELECT issuer, source FROM charge_points_clientrevocationlist "
    "WHERE this_update IS NULL OR next_update <= now() ORDER BY 1, 2 LIMIT 20"
)


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's own
    """Answer 200 while the process lives."""
    return JsonResponse({"status": "ok"})


def _database_problem() -> str | None:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except (DatabaseError, InterfaceError) as error:
        return f"database: {type(error).__name__}; check DATABASE_URL and the server"
    missing = sorted(_newest_migrations() - applied.keys())
    if not missing:
        return None
    names = ", ".join(f"{app} {name}" for app, name in missing)
    return f"migrations are missing ({names}); run manage.py migrate"


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app, of the code that this process runs."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _redis_problem() -> str | None:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
        ) as client:
            client.ping()
    except redis.RedisError as error:
        return f"redis: {type(error).__name__}; check REDIS_URL and the server"
    return None


def _warnings() -> list[str]:
    """What does not stop this process, and somebody should look at."""
    try:
        with (
            acting_as_platform("readiness"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(STALE_LISTS)
            return [
                f"revocation list of {issuer or source} is past its date"
                for issuer, source in cursor.fetchall()
            ]
    except (DatabaseError, InterfaceError):
        return []  # the database is a problem of its own


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's own
    """Answer 200 when this process can do its work, else 503 with the reasons."""
    problems = [p for p in (_database_problem(), _redis_problem()) if p]
    status = 503 if problems else 200
    body = {"status": "ready" if not problems else "not ready", "problems": problems}
    warnings = [] if problems else _warnings()
    return JsonResponse(
        {**body, "warnings": warnings} if warnings else body, status=status
    )


def _refused(reason: str) -> HttpResponse:
    headers = {"WWW-Authenticate": "Bearer"}
    return HttpResponse(f"{reason}\n", status=401, headers=headers)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics; with METRICS_TOKEN set only for its bearer."""
    token = settings.METRICS_TOKEN
    if not token and settings.METRICS_NEED_TOKEN:
        return _refused("Set METRICS_TOKEN and scrape with it as bearer token.")
    given = request.headers.get("Authorization", "")
    if token and not compare_digest(given.encode(), f"Bearer {token}".encode()):
        return _refused("A bearer token is needed.")
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
