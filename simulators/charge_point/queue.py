"""Facts on their way to the server: in order, kept while the line is down."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from simulators.charge_point.facts import (
    Fact,
    StatusFact,
    Step,
    TokenAnswer,
    TransactionFact,
)
from simulators.charge_point.faults import FaultPlan
from simulators.charge_point.link import CallRefused
from simulators.charge_point.options import Settings, StationOptions
from simulators.charge_point.wire import FrameLost, LineDown
from simulators.journal import Journal

QUEUE_MAX: Final = 5_000

Deliver = Callable[[Fact], Awaitable[TokenAnswer | None]]
Delivered = asyncio.Future[TokenAnswer | None]


@dataclass(slots=True)
class _Item:
    fact: Fact
    done: Delivered
    attempts: int = 0


class FactQueue:
    """Sends facts one after the other; none overtakes another.

    A fact leaves the queue when the server has answered it, so a line that
    drops in between sends it again: a server must know repeats.
    """

    def __init__(
        self,
        *,
        deliver: Deliver,
        journal: Journal,
        faults: FaultPlan,
        options: StationOptions,
        settings: Settings,
    ) -> None:
        """Begin empty and closed."""
        self._deliver = deliver
        self._journal = journal
        self._faults = faults
        self._options = options
        self._settings = settings
        self._items: deque[_Item] = deque()
        self._has_items = asyncio.Event()
        self._open = asyncio.Event()

    def __len__(self) -> int:
        """How many facts wait."""
        return len(self._items)

    def open(self) -> None:
        """Let facts out: the line is up and the station is registered."""
        self._open.set()

    def shut(self) -> None:
        """Keep facts in."""
        self._open.clear()

    def push(self, fact: Fact) -> Delivered:
        """Add a fact; the future resolves with the server's verdict, if any."""
        done: Delivered = asyncio.get_running_loop().create_future()
        if len(self._items) >= QUEUE_MAX:
            self._make_room()
        self._items.append(_Item(fact, done))
        self._has_items.set()
        return done

    def has_facts_of(self, reference: str | None) -> bool:
        """Tell whether facts of a transaction (None: of any) still wait."""
        return any(
            isinstance(item.fact, TransactionFact)
            and reference in {None, item.fact.transaction.reference}
            for item in self._items
        )

    async def drained(self) -> None:
        """Wait until nothing waits."""
        while self._items:
            await asyncio.wait({self._items[-1].done})

    async def run(self) -> None:
        """Send for ever; cancel to stop."""
        while True:
            await self._has_items.wait()
            await self._open.wait()
            await self._send_first(self._items[0])
            if not self._items:
                self._has_items.clear()

    async def _send_first(self, item: _Item) -> None:
        if isinstance(item.fact, TransactionFact) and item.attempts == 0:
            await self._hold_back(item.fact)
        try:
            answer = await self._deliver(item.fact)
            if self._takes("repeat", item.fact):
                await self._deliver(item.fact)
        except LineDown:
            # The reader may be a moment behind: do not spin on a dead line.
            self.shut()
            return
        except FrameLost:
            answer = None
        except (CallRefused, TimeoutError) as error:
            await self._retry_later(item, str(error))
            return
        self._leave(item, answer)

    async def _hold_back(self, fact: TransactionFact) -> None:
        if self._takes("late", fact):
            await asyncio.sleep(self._options.late_stop_s)

    def _takes(self, kind: str, fact: Fact) -> bool:
        if not isinstance(fact, TransactionFact):
            return self._faults.take(kind, ["status"])
        words = {Step.STARTED: "start", Step.UPDATED: "meter", Step.ENDED: "stop"}
        taken = self._faults.take(kind, [words[fact.step]])
        if taken:
            self._journal.add("fault", kind=kind, step=words[fact.step])
        return taken

    async def _retry_later(self, item: _Item, reason: str) -> None:
        item.attempts += 1
        self._journal.add("not_taken", attempts=item.attempts, reason=reason)
        # OCPP 1.6, 4.1.1 TransactionMessageAttempts: then the message is dropped.
        if item.attempts >= self._settings.retry_attempts:
            self._journal.add("given_up", reason=reason)
            self._leave(item, None)
            return
        await asyncio.sleep(self._settings.retry_interval_s * item.attempts)

    def _leave(self, item: _Item, answer: TokenAnswer | None) -> None:
        self._items.remove(item)
        if not item.done.done():
            item.done.set_result(answer)

    def _make_room(self) -> None:
        """Drop the oldest sample or status: starts and ends are money."""
        # The first may be on the wire at this moment.
        for item in list(self._items)[1:]:
            fact = item.fact
            if isinstance(fact, StatusFact) or fact.step is Step.UPDATED:
                self._journal.add("given_up", reason="the offline queue is full")
                self._leave(item, None)
                return
