"""What a simulator did and saw, as a list that scripts can read and wait on."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from simulators.errors import WaitedTooLong

EVENTS_KEPT_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        number: counts up from 1 within one journal.
        at: real time (not the station's own clock).
        source: who, for example the charge point's identity.
        name: snake_case word in the past tense.
        data: JSON-safe details.
    """

    number: int
    at: datetime
    source: str
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the event as one flat JSON object."""
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"at": at, "source": self.source, "event": self.name, **self.data}


Listener = Callable[[Event], None]
Condition = Callable[[Event], bool]


class Journal:
    """Events of one simulator, newest last; the oldest go beyond the limit."""

    def __init__(self, source: str, listener: Listener | None = None) -> None:
        """Begin empty; `listener` is called with every new event."""
        self.source = source
        self._listener = listener
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT_MAX)
        self._number = 0
        self._waiters: list[tuple[Condition, asyncio.Future[Event]]] = []

    @property
    def last_number(self) -> int:
        """Number of the newest event: the `after` of a later `wait_for`."""
        return self._number

    def add(self, name: str, **data: Any) -> Event:
        """Write an event down and wake those who wait for it."""
        self._number += 1
        now = datetime.now(tz=UTC)
        event = Event(self._number, now, self.source, name, data)
        self._events.append(event)
        if self._listener is not None:
            self._listener(event)
        for condition, waiter in tuple(self._waiters):
            if condition(event):
                # Events may come from a thread that speaks HTTP.
                waiter.get_loop().call_soon_threadsafe(_resolve, waiter, event)
        return event

    def all(self, name: str | None = None) -> list[Event]:
        """Return the kept events, of one name or of every name."""
        return [event for event in tuple(self._events) if name in {None, event.name}]

    async def wait_for(
        self,
        name: str,
        *,
        timeout_s: float,
        after: int = 0,
        where: Condition | None = None,
    ) -> Event:
        """Return the first event called `name` with a number above `after`.

        Args:
            name: the event's name.
            timeout_s: real seconds to wait at most.
            after: events up to this number do not count.
            where: further condition on the event.

        Raises:
            WaitedTooLong: no such event came in time.
        """

        def matches(event: Event) -> bool:
            return (
                event.name == name
                and event.number > after
                and (where is None or where(event))
            )

        waiter: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        entry = (matches, waiter)
        self._waiters.append(entry)
        try:
            for event in tuple(self._events):
                if matches(event):
                    return event
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError:
            seen = ", ".join(event.name for event in list(self._events)[-5:])
            msg = (
                f"{self.source}: no event {name!r} within {timeout_s} s;"
                f" the last events were: {seen or 'none'}."
            )
            raise WaitedTooLong(msg) from None
        finally:
            self._waiters.remove(entry)


def _resolve(waiter: asyncio.Future[Event], event: Event) -> None:
    if not waiter.done():
        waiter.set_result(event)
