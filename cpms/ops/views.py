"""/healthz, /readyz, /metrics."""

from hmac import compare_digest
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cpms.ops.metrics import REGISTRY

REDIS_TIMEOUT_S: Final = 1.0


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's own
    """Answer 200 while the process lives."""
    return JsonResponse({"status": "ok"})


def _database_problem() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"database: {type(error).__name__}; check DATABASE_URL and the server"
    return "migrations are missing; run manage.py migrate" if plan else None


def _redis_problem() -> str | None:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S
        ) as client:
            client.ping()
    except redis.RedisError as error:
        return f"redis: {type(error).__name__}; check REDIS_URL and the server"
    return None


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's own
    """Answer 200 when this process can do its work, else 503 with the reasons."""
    problems = [p for p in (_database_problem(), _redis_problem()) if p]
    status = 503 if problems else 200
    return JsonResponse(
        {"status": "ready" if not problems else "not ready", "problems": problems},
        status=status,
    )


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics; with METRICS_TOKEN set only for its bearer."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and not compare_digest(given.encode(), f"Bearer {token}".encode()):
        return HttpResponse("A bearer token is needed.\n", status=401)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
