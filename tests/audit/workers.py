"""The outbox's workers as processes of their own; a crash kills one for good."""

import gc
import multiprocessing
import os
import random
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from django.db import connections
from django.urls import get_resolver
from django.utils import timezone

from billing.services.documents.receipt_pdf import receipt_pdf
from cpms.outbox import delivery
from cpms.outbox.models import Delivery
from cpms.outbox.subscriptions import subscription
from tests.audit.clock import Clock
from tests.audit.mishaps import Crash, Mishaps, Webhook, hand_in

WORKERS = 3
"""More than cores: while one waits for the provider, another computes."""

ERRANDS = 3
"""Given to a worker ahead, so that it need not wait for the next one."""

ROUNDS_MAX = 60
CHUNK = 12
"""A batch of the outbox, small enough that a step of the month has some for each."""

SINGLES = 4
"""Of what is done one by one, with the provider or the mail server in between."""

WEBHOOKS = 10
"""Handed to a worker at a time."""
KILLED = 9
_FORK = multiprocessing.get_context("fork")


Errand = tuple[str, Any]
"""What is to be done, and with what."""


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    line: Connection
    given: deque[Errand] = field(default_factory=deque)
    """Errands that it has not answered, in the order in which it does them."""

    def tell(self, errand: Errand) -> None:
        """Say it; the dead hear nothing, and that they died is heard in time."""
        with suppress(BrokenPipeError):
            self.line.send(errand)


class Workers:
    """Delivers the outbox through the worker's code path, in processes that can die."""

    def __init__(self, mishaps: Mishaps, clock: Clock) -> None:
        self._mishaps, self._clock = mishaps, clock
        self._born = 0
        self._fruit = 0
        self._queue: deque[Errand] = deque()
        # What all need is loaded once; what all share need not be looked through by
        # each one's collector.
        assert get_resolver().url_patterns
        assert receipt_pdf
        gc.collect()
        gc.freeze()
        self._staff = [self._hire() for _ in range(WORKERS)]
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
        for worker in self._staff:
            worker.tell(("skip", seconds))

    def calm_down(self) -> None:
        """No more crashes."""
        for worker in self._staff:
            worker.tell(("calm", None))

    def take(self, webhooks: Sequence[Webhook]) -> None:
        """Queue what the provider sent; ``settle`` waits for it."""
        for first in range(0, len(webhooks), WEBHOOKS):
            self._queue.append(("receive", webhooks[first : first + WEBHOOKS]))
        self.pump()

    def pump(self, *, look: bool = False) -> None:
        """Keep everybody busy with what is queued, without waiting for anybody.

        ``look``: whether to look for what is due when nothing is queued.
        """
        self._listen(0)
        if look and not self._queue:
            self._claim()
        self._hand_out()

    def settle(self) -> bool:
        """Deliver what can be delivered now; whether nothing waits any more."""
        self._drain()
        for _ in range(ROUNDS_MAX):
            # The lease of a worker that crashed need not be waited for.
            waiting = Delivery.objects.filter(state="pending")
            if not waiting.update(due_at=timezone.now()):
                return True
            self._fruit = 0
            self._drain()
            if not self._fruit:
                return False
        return False

    def _drain(self) -> None:
        while True:
            if not self._queue:
                self._claim()
            self._hand_out()
            if not any(worker.given for worker in self._staff):
                return
            self._listen(None)

    def _claim(self) -> None:
        for name, ids in delivery.claim_due().items():
            size = _chunk(name)
            for first in range(0, len(ids), size):
                self._queue.append(("deliver", (name, ids[first : first + size])))

    def _hand_out(self) -> None:
        while self._queue:
            worker = min(self._staff, key=lambda worker: len(worker.given))
            if len(worker.given) == ERRANDS:
                return
            worker.given.append(self._queue.popleft())
            worker.tell(worker.given[-1])

    def _listen(self, timeout_s: float | None) -> None:
        busy = {worker.line: worker for worker in self._staff if worker.given}
        for line in wait(list(busy), timeout_s):
            worker = busy[line]
            result = self._hear(worker)
            worker.given.popleft()
            self._fruit += 1 if result is None else result
            if result is None:
                self._replace(worker)

    def _replace(self, dead: _Worker) -> None:
        """What it was to do next is done by others."""
        dead.process.join()
        dead.line.close()
        self._queue.extendleft(reversed(dead.given))
        self._staff[self._staff.index(dead)] = self._hire()

    def _hear(self, worker: _Worker) -> int | None:
        """How many were done; None when the worker died over it."""
        kind, value = worker.line.recv()
        if kind == "done":
            return int(value)
        if kind == "received":
            self._mishaps.counts.update(value)
            return 0
        if kind == "broken":
            raise AssertionError(f"a worker broke:\n{value}")
        self._mishaps.counts[f"crash {value}"] += 1
        return None

    def close(self) -> None:
        """Let everybody go."""
        self._clock.followers.remove(self._skip)
        for worker in self._staff:
            worker.line.send(("end", None))
            worker.process.join()
            worker.line.close()


def _chunk(name: str) -> int:
    wanted = subscription(name)
    return CHUNK if wanted is None or wanted.transactional else SINGLES


def _serve(line: Connection, mishaps: Mishaps, clock: Clock, number: int) -> None:
    """The life of one worker."""
    # Nothing that the parent knows will ever be let go here.
    gc.freeze()
    clock.followers.clear()
    mishaps.random = random.Random(mishaps.random.random() + number)
    while (order := line.recv())[0] != "end":
        kind, value = order
        if kind == "skip":
            clock.follow(value)
        elif kind == "calm":
            mishaps.calm = True
        elif kind == "receive":
            line.send(_receive(value))
        else:
            line.send(_deliver(line, *value))


def _receive(webhooks: Sequence[Webhook]) -> tuple[str, Counter[str] | str]:
    try:
        return "received", Counter(hand_in(*webhook) for webhook in webhooks)
    except Exception:  # noqa: BLE001 - the parent shows it
        return "broken", traceback.format_exc()


def _deliver(line: Connection, name: str, ids: list[int]) -> tuple[str, int | str]:
    try:
        return "done", delivery.deliver(name, ids)
    except Crash as crash:
        line.send(("crash", str(crash)))
        # As kill -9: nothing is flushed, rolled back or said good-bye to.
        os._exit(KILLED)
    except Exception:  # noqa: BLE001 - the parent shows it
        return "broken", traceback.format_exc()
