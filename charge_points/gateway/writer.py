"""Group commit: one thread that executes all that waits in one database transaction.

Everything queued while the previous batch committed goes into the next one, so batches
form by themselves under load and a single job waits for nobody. Results leave after
the commit, with one call into the event loop per batch.
"""

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, Final

from django.db import connection, transaction

from charge_points.gateway import metrics
from charge_points.gateway.jobs import BatchFrame, Job, Kind, NoFrame, UnableToServe
from charge_points.gateway.limits import Limits
from charge_points.handlers.dispatch import (
    is_conflict,
    is_lost,
    sqlstate,
    without_savepoints,
)

logger = logging.getLogger(__name__)

LOCK_NOT_AVAILABLE: Final = "55P03"
CONFLICT_PAUSE_MAX_S: Final = 0.05
# A row that somebody else keeps locked must not hold all charge points up.
SESSION_SETTINGS: Final = (
    "SET lock_timeout = '2s'; SET statement_timeout = '20s'; "
    "SET idle_in_transaction_session_timeout = '60s'"
)

_STOP: Final = None


class Writer:
    """The writer thread of a process and its queue.

    ``submit`` and ``call`` belong to the event loop's thread.
    """

    def __init__(
        self,
        limits: Limits,
        frame: BatchFrame | None = None,
        on_death: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; ``start`` begins.

        ``on_death`` is called on the loop when the thread ends by a fault of ours:
        nothing is answered any more, so the process has to be replaced.
        """
        self._on_death = on_death
        self._limits = limits
        self._frame = frame or NoFrame()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._backlog: deque[Job] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._hurry = threading.Event()
        self._pending = 0
        self._session: object = None
        self._pause_s = limits.reconnect_min_s

    @property
    def pending(self) -> int:
        """Jobs that were submitted and have no result yet."""
        return self._pending

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the thread; results are delivered on ``loop``."""
        self._loop = loop
        self._thread = threading.Thread(
            target=self._run, name="gateway-writer", daemon=True
        )
        self._thread.start()

    def submit(self, kind: Kind, item: Any, done: Callable[[Any], None]) -> None:  # noqa: ANN401 - as the kind says
        """Queue one job; ``done(result)`` follows, on the loop, in every case."""
        if self._loop is None:
            raise RuntimeError("the writer was not started")
        if self._stopping or self._pending >= self._limits.writer_queue_max:
            metrics.OVERLOADS.inc()
            error = UnableToServe("the gateway is overloaded or stops; try again")
            self._loop.call_soon(done, _failed(kind, item, error))
            return
        now = time.monotonic()
        self._pending += 1
        self._queue.put(Job(kind, item, done, now, now + self._limits.answer_within_s))

    def call(self, kind: Kind, item: Any) -> "asyncio.Future[Any]":  # noqa: ANN401 - as the kind says
        """Queue one job and get a future of its result."""
        if self._loop is None:
            raise RuntimeError("the writer does not run")
        future: asyncio.Future[Any] = self._loop.create_future()

        def done(result: object) -> None:
            if not future.done():
                future.set_result(result)

        self.submit(kind, item, done)
        return future

    async def stop(self, timeout_s: float) -> bool:
        """Finish what is queued, then end the thread; True when it ended in time.

        A database that is away is not waited for.
        """
        if self._thread is None or self._stopping:
            return True
        self._stopping = True
        self._queue.put(_STOP)
        thread = self._thread
        asyncio.get_running_loop().call_later(timeout_s, self._hurry.set)
        await asyncio.to_thread(thread.join, timeout_s + 1.0)
        return not thread.is_alive()

    # ---- the writer thread

    def _run(self) -> None:
        metrics.DATABASE_UP.set(1)
        try:
            while self._fill():
                self._step()
        except BaseException:
            logger.critical("the writer thread died", exc_info=True)
            if self._loop is not None and self._on_death is not None:
                self._loop.call_soon_threadsafe(self._on_death)
        finally:
            connection.close()

    def _fill(self) -> bool:
        """Move what is queued to the backlog; wait when there is nothing at all."""
        queue, backlog = self._queue, self._backlog
        if not backlog:
            job = queue.get()
            if job is _STOP:
                return False
            backlog.append(job)
        try:
            while len(backlog) < self._limits.batch_max:
                job = queue.get_nowait()
                if job is _STOP:
                    queue.put(_STOP)
                    break
                backlog.append(job)
        except Empty:
            pass
        metrics.QUEUE_JOBS.set(queue.qsize() + len(backlog))
        return True

    def _step(self) -> None:
        """Execute one batch from the backlog, or wait for the database."""
        backlog = self._backlog
        size = min(len(backlog), self._limits.batch_max)
        batch = [backlog.popleft() for _ in range(size)]
        started = time.monotonic()
        try:
            for part in _parts(batch):
                self._execute(part)
        except Exception as error:
            if not is_lost(error):
                raise
            # Taken apart, some of the batch may have been committed already.
            backlog.extendleft(reversed([job for job in batch if not job.finished]))
            self._deliver([job for job in batch if job.finished])
            self._await_database(error)
            return
        finished = time.monotonic()
        metrics.BATCH_JOBS.observe(size)
        metrics.BATCH_SECONDS.observe(finished - started)
        metrics.WAIT_SECONDS.observe(finished - batch[0].queued_at)
        self._pause_s = self._limits.reconnect_min_s
        self._deliver(batch)

    def _execute(self, batch: Sequence[Job]) -> None:
        """Give every job of the batch its result, committed.

        First without savepoints, which is the shortest way when nothing is wrong;
        then with them; then every job in a database transaction of its own.

        Raises:
            Exception: only a lost database; jobs with a result are committed.
        """
        if self._commit_at_once(batch):
            return
        for _ in range(self._limits.conflict_retries_max):
            try:
                self._commit(batch)
            except Exception as error:
                if is_lost(error):
                    raise
                if not is_conflict(error) or sqlstate(error) == LOCK_NOT_AVAILABLE:
                    logger.warning("a batch failed as a whole: %s", error)
                    break
                metrics.CONFLICTS.inc()
                time.sleep(random.uniform(0, CONFLICT_PAUSE_MAX_S))  # noqa: S311 - jitter
            else:
                return
        self._isolate(batch)

    def _commit_at_once(self, batch: Sequence[Job]) -> bool:
        """Try without savepoints; False when something was wrong and must be found."""
        try:
            with without_savepoints():
                self._commit(batch)
        except Exception as error:
            if is_lost(error):
                raise
            metrics.REPEATS.inc()
            logger.debug("a batch is repeated with savepoints: %s", error)
            return False
        return True

    def _isolate(self, batch: Sequence[Job]) -> None:
        """Run every job in a database transaction of its own."""
        metrics.ISOLATIONS.inc()
        for job in batch:
            self._execute_alone(job)

    def _execute_alone(self, job: Job) -> None:
        for attempt in range(self._limits.conflict_retries_max):
            try:
                self._commit([job])
            except Exception as error:
                if is_lost(error):
                    raise
                last = attempt + 1 == self._limits.conflict_retries_max
                if not is_conflict(error) or last:
                    _fail(job, error)
                    return
                time.sleep(random.uniform(0, CONFLICT_PAUSE_MAX_S))  # noqa: S311 - jitter
            else:
                return

    def _commit(self, batch: Sequence[Job]) -> None:
        self._prepare_session()
        with transaction.atomic():
            jobs = self._frame.begin(batch)
            jobs.sort(key=_kind_order)
            for kind, group in groupby(jobs, key=_kind_of):
                _run_kind(kind, list(group))
            self._frame.finish(batch)
        for job in batch:
            job.finished = True
        try:
            self._frame.committed(batch)
        except Exception:
            # The commit stands: nothing may make it look as if it had failed.
            logger.exception("the work after a commit failed")

    def _prepare_session(self) -> None:
        connection.ensure_connection()
        if connection.connection is not self._session:
            with connection.cursor() as cursor:
                cursor.execute(SESSION_SETTINGS)
            self._session = connection.connection
            metrics.DATABASE_UP.set(1)

    def _await_database(self, error: Exception) -> None:
        """The database is away: keep what waits, within bounds, and try again."""
        metrics.DATABASE_LOST.inc()
        metrics.DATABASE_UP.set(0)
        logger.warning("the database is away, retrying: %s", error)
        self._session = None
        connection.close()
        self._take_all()
        self._give_up()
        if self._backlog:
            self._hurry.wait(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._pause_s = min(self._pause_s * 2, self._limits.reconnect_max_s)

    def _take_all(self) -> None:
        stop = False
        try:
            while True:
                job = self._queue.get_nowait()
                if job is _STOP:
                    stop = True
                else:
                    self._backlog.append(job)
        except Empty:
            pass
        if stop:
            self._queue.put(_STOP)

    def _give_up(self) -> None:
        """Fail the jobs that waited too long, all of them when the process ends."""
        now = time.monotonic()
        hurry = self._hurry.is_set()
        late = [job for job in self._backlog if hurry or job.deadline <= now]
        if not late:
            return
        dropped = set(map(id, late))
        self._backlog = deque(j for j in self._backlog if id(j) not in dropped)
        error = UnableToServe("the database is away")
        for job in late:
            _fail(job, error)
        self._deliver(late)

    def _deliver(self, jobs: list[Job]) -> None:
        if not jobs or self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._hand_out, jobs)
        except RuntimeError:
            # The loop is closed: whoever waited is gone, the commit stands.
            logger.warning("%d results came after the end", len(jobs))

    # ---- the event loop

    def _hand_out(self, jobs: list[Job]) -> None:
        self._pending -= len(jobs)
        for job in jobs:
            try:
                job.done(job.result)
            except Exception:
                logger.exception("delivering a %s failed", job.kind.name)


def _failed(kind: Kind, item: Any, error: Exception) -> Any:  # noqa: ANN401 - as the kind says
    try:
        return kind.failed(item, error)
    except Exception:
        logger.exception("no result for a failed %s", kind.name)
        return None


def _fail(job: Job, error: Exception) -> None:
    job.result = _failed(job.kind, job.item, error)
    job.finished = True


def _parts(batch: list[Job]) -> list[list[Job]]:
    """What shares a database transaction: nearly always all of the batch.

    Admissions wait for the fences of other processes, so they must hold none.
    """
    apart = [job for job in batch if job.kind.is_apart]
    if not apart:
        return [batch]
    together = [job for job in batch if not job.kind.is_apart]
    return [together, apart] if together else [apart]


def _kind_of(job: Job) -> Kind:
    return job.kind


def _kind_order(job: Job) -> tuple[int, str]:
    return job.kind.rank, job.kind.name


def _run_kind(kind: Kind, jobs: list[Job]) -> None:
    if kind.sort_key is not None:
        key = kind.sort_key
        jobs.sort(key=lambda job: key(job.item))
    results = kind.execute([job.item for job in jobs])
    for job, result in zip(jobs, results, strict=True):
        job.result = result
