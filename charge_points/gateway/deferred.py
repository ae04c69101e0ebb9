"""Answers that must be fetched over the network, after the commit and off the loop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from charge_points.gateway.exchange import Clock, Exchange, log_entry, set_answer
from charge_points.gateway.journal import Journal
from charge_points.gateway.limits import Limits
from charge_points.handlers.registry import Answer, Later

logger = logging.getLogger(__name__)

THREADS: Final = 8


class Deferred:
    """Runs the work of ``Later`` answers in a few threads, each within a deadline.

    Belongs to the event loop's thread. A station whose answer is fetched waits; the
    others do not notice.
    """

    def __init__(self, journal: Journal, limits: Limits, clock: Clock) -> None:
        """Nothing runs yet."""
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="deferred")
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, exchange: Exchange, done: Callable[[Exchange], None]) -> None:
        """Fetch the answer of an exchange, log it, and call ``done`` on the loop."""
        later = exchange.later
        assert later is not None, "only asked for answers that are fetched"
        exchange.later = None
        task = asyncio.get_running_loop().create_task(self._run(later, exchange, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(
        self, later: Later, exchange: Exchange, done: Callable[[Exchange], None]
    ) -> None:
        set_answer(exchange, await self._fetch(later, exchange))
        self._journal.add_entry(log_entry(exchange, self._clock()))
        done(exchange)

    async def _fetch(self, later: Later, exchange: Exchange) -> Answer:
        action = exchange.request.action
        if len(self._tasks) > self._limits.deferred_max:
            logger.warning("%s is answered at once: too many wait", action)
            return later.otherwise
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.deferred_within_s):
                return await loop.run_in_executor(self._threads, later.work)
        except TimeoutError:
            logger.warning("%s was not answered in time", action)
        except Exception:
            logger.exception("%s could not be answered", action)
        return later.otherwise

    def close(self) -> None:
        """Give up what is still fetched; the stations ask again."""
        for task in self._tasks:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
