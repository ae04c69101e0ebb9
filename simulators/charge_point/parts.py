"""What a station is made of, shared by its flows and its remote control."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulators.charge_point.clock import StationClock
from simulators.charge_point.faults import FaultPlan
from simulators.charge_point.options import Settings, StationOptions
from simulators.errors import SimulatorError
from simulators.journal import Journal

if TYPE_CHECKING:
    from simulators.charge_point.dialect import Dialect
    from simulators.charge_point.link import Link
    from simulators.charge_point.queue import FactQueue


class Errands:
    """Background tasks of one station, none of which outlives it."""

    def __init__(self, journal: Journal) -> None:
        """Begin without any."""
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        """Run `work` beside; what it raises is written to the journal."""
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never awaits its work.
        task.add_done_callback(lambda _: work.close())
        return task

    async def end(self) -> None:
        """Cancel all and wait for them."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _guard(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except SimulatorError as error:
            self._journal.add("failed", error=str(error))
        except Exception as error:  # noqa: BLE001 - a task nobody awaits must be seen
            self._journal.add("failed", error=repr(error))


@dataclass(slots=True, kw_only=True)
class Parts:
    """The organs of one station; `queue`, `link`, `dialect` come last."""

    identity: str
    options: StationOptions
    settings: Settings
    clock: StationClock
    journal: Journal
    faults: FaultPlan
    errands: Errands
    queue: "FactQueue" = field(init=False)
    link: "Link" = field(init=False)
    dialect: "Dialect" = field(init=False)

    @property
    def is_201(self) -> bool:
        """Whether the station speaks 2.0.1."""
        return self.dialect.version == "2.0.1"
