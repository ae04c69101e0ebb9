"""Every scheduled task exists, and every task goes to a queue a worker reads."""

from importlib import import_module
from typing import Any

import pytest

from cpms.celery import TASK_MODULES, app
from cpms.outbox.queues import QUEUES


def _own_tasks() -> dict[str, Any]:
    app.finalize()
    for module in TASK_MODULES:
        import_module(module)
    return {n: t for n, t in app.tasks.items() if not n.startswith("celery.")}


def _queue_of(task: Any) -> str:
    options = {"queue": task.queue} if getattr(task, "queue", None) else {}
    return str(app.amqp.router.route(options, task.name)["queue"].name)


@pytest.mark.parametrize("module", TASK_MODULES)
def test_every_scheduled_task_is_registered_and_in_the_schedule(module: str) -> None:
    tasks = _own_tasks()
    for name, entry in getattr(import_module(module), "BEAT_SCHEDULE", {}).items():
        assert entry["task"] in tasks
        assert app.conf.beat_schedule[name]["task"] == entry["task"]


def test_every_task_goes_to_a_queue_that_workers_read() -> None:
    lost = {n: _queue_of(t) for n, t in _own_tasks().items()}
    assert lost
    assert {n: q for n, q in lost.items() if q not in QUEUES} == {}


def test_every_task_has_a_time_limit_and_a_softer_one_before() -> None:
    for task in _own_tasks().values():
        hard = task.time_limit or app.conf.task_time_limit
        soft = task.soft_time_limit or app.conf.task_soft_time_limit
        assert 0 < soft < hard, task.name
