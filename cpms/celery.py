"""The Celery application: queues, routes and the schedule, all in code."""

import os
from importlib import import_module
from typing import Any, Final

from celery import Celery
from celery.signals import before_task_publish, setup_logging, task_prerun

from cpms.outbox.queues import TIME_LIMITS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.prod")
os.environ.setdefault("CPMS_DATABASE_ROLE", "system")

app = Celery("cpms")
# Shared tasks look for the current application, which is one per thread; threads of
# the web process have none of their own and take the default one.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

TASK_MODULES: Final = (
    "cpms.accounts.tasks",
    "cpms.outbox.tasks",
    "cpms.notifications.tasks",
    "charge_points.tasks",
    "settlement.tasks",
    "billing.tasks",
)


@setup_logging.connect
def _log_structured(**_: Any) -> None:
    from cpms.ops.logs import configure  # noqa: PLC0415 - needs the settings

    configure()


@before_task_publish.connect
def _limit_by_queue(
    headers: dict[str, Any] | None = None, routing_key: str = "", **_: Any
) -> None:
    """Give every task the time limit of the queue that it is sent to."""
    limit = TIME_LIMITS.get(routing_key)
    if limit is not None and headers is not None:
        known = headers.get("timelimit") or (None, None)
        if tuple(known) == (None, None):
            headers["timelimit"] = [limit.hard_s, limit.soft_s]


@task_prerun.connect
def _leave_dead_connections(**_: Any) -> None:
    """Begin every task with a database connection that works.

    Celery looks after them once in ``CELERY_DB_REUSE_MAX`` tasks; until then each task
    would fail on a connection that died with its server.
    """
    from django.db import connections  # noqa: PLC0415 - needs the settings

    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


@app.on_after_finalize.connect
def _schedule(sender: Celery, **_: Any) -> None:
    """Collect each room's own schedule."""
    for name in TASK_MODULES:
        schedule = getattr(import_module(name), "BEAT_SCHEDULE", {})
        sender.conf.beat_schedule.update(schedule)
