"""The outbox's workers as processes of their own; a crash kills one for good."""

import multiprocessing
import os
import random
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from django.db import connections
from django.utils import timezone

from cpms.outbox import delivery
from cpms.outbox.models import Delivery
from cpms.outbox.subscriptions import subscription
from tests.audit.clock import Clock
from tests.audit.mishaps import Crash, Mishaps

WORKERS = 3
"""More than cores: while one waits for the provider, another computes."""

ROUNDS_MAX = 60
CHUNK = 100
KILLED = 9
_FORK = multiprocessing.get_context("fork")


@dataclass
class _Worker:
    process: BaseProcess
    line: Connection


class Workers:
    """Delivers the outbox through the worker's code path, in processes that can die."""

    def __init__(self, mishaps: Mishaps, clock: Clock) -> None:
        self._mishaps, self._clock = mishaps, clock
        self._born = 0
        self._all = [self._hire() for _ in range(WORKERS)]
        clock.followers.append(self._skip)

    def _hire(self) -> _Worker:
        # A fork knows the clock and the mishaps of this moment; a connection to the
        # database must not be shared with it.
        connections.close_all()
        self._born += 1
        ours, theirs = _FORK.Pipe()
        process = _FORK.Process(
            target=_serve,
            args=(theirs, self._mishaps, self._clock, self._born),
            daemon=True,
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _skip(self, seconds: int) -> None:
        for worker in self._all:
            worker.line.send(("skip", seconds))

    def calm_down(self) -> None:
        """No more crashes."""
        for worker in self._all:
            worker.line.send(("calm", None))

    def settle(self) -> bool:
        """Deliver what can be delivered now; whether nothing waits any more."""
        for _ in range(ROUNDS_MAX):
            # The lease of a worker that crashed need not be waited for.
            waiting = Delivery.objects.filter(state="pending")
            if not waiting.update(due_at=timezone.now()):
                return True
            claimed = delivery.claim_due()
            tasks = [
                (name, ids[i : i + size])
                for name, ids in claimed.items()
                for size in [_chunk(name)]
                for i in range(0, len(ids), size)
            ]
            if not self._share(tasks):
                return False
        return False

    def _share(self, tasks: list[tuple[str, list[int]]]) -> int:
        """Give everybody work until all is done; how much of it bore fruit."""
        done = 0
        idle, busy = list(self._all), {}
        while tasks or busy:
            while tasks and idle:
                worker = idle.pop()
                worker.line.send(("deliver", tasks.pop(0)))
                busy[worker.line] = worker
            for line in wait(list(busy)):
                worker = busy.pop(line)
                result = self._hear(worker)
                if result is None:
                    done += 1
                    worker = self._replace(worker)
                else:
                    done += result
                idle.append(worker)
        return done

    def _hear(self, worker: _Worker) -> int | None:
        """How many were done; None when the worker died over it."""
        kind, value = worker.line.recv()
        if kind == "done":
            return int(value)
        if kind == "broken":
            raise AssertionError(f"a worker broke:\n{value}")
        self._mishaps.counts[f"crash {value}"] += 1
        return None

    def _replace(self, dead: _Worker) -> _Worker:
        dead.process.join()
        dead.line.close()
        self._all.remove(dead)
        worker = self._hire()
        self._all.append(worker)
        return worker

    def close(self) -> None:
        """Let everybody go."""
        self._clock.followers.remove(self._skip)
        for worker in self._all:
            worker.line.send(("end", None))
            worker.process.join()
            worker.line.close()


def _chunk(name: str) -> int:
    wanted = subscription(name)
    return CHUNK if wanted is None or wanted.transactional else 1


def _serve(line: Connection, mishaps: Mishaps, clock: Clock, number: int) -> None:
    """The life of one worker."""
    clock.followers.clear()
    mishaps.random = random.Random(mishaps.random.random() + number)
    while (order := line.recv())[0] != "end":
        kind, value = order
        if kind == "skip":
            clock.follow(value)
        elif kind == "calm":
            mishaps.calm = True
        else:
            line.send(_deliver(line, *value))


def _deliver(line: Connection, name: str, ids: list[int]) -> tuple[str, int | str]:
    try:
        return "done", delivery.deliver(name, ids)
    except Crash as crash:
        line.send(("crash", str(crash)))
        # As kill -9: nothing is flushed, rolled back or said good-bye to.
        os._exit(KILLED)
    except Exception:  # noqa: BLE001 - the parent shows it
        return "broken", traceback.format_exc()
