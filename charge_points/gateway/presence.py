"""Who is online: a lease in Redis per connected charge point.

``cpms:presence:<charge point id>`` holds ``<generation>/<node>/<process>/<seen at>``
and lives for ``lease_life_s``: a killed node's charge points go offline by themselves.
Who finds a lease of a newer generation was probably replaced; the database decides, for
Redis may remember what a restored database does not.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from charge_points.gateway.bus import EVICTIONS, REDIS_ERRORS, Bus
from charge_points.gateway.connection import Station
from charge_points.gateway.directory import Directory
from charge_points.gateway.limits import Limits

logger = logging.getLogger(__name__)

KEY_PREFIX: Final = "cpms:presence:"

# ARGV: life in ms, then generation and value for each key; generation 0 always wins.
# Returns the places (from 1) of keys that a newer generation holds.
_RENEW: Final = """
local lost = {}
for i, key in ipairs(KEYS) do
  local held = redis.call('GET', key)
  local newest = held and tonumber(string.match(held, '^(%d+)/')) or 0
  local mine = tonumber(ARGV[2 * i])
  if mine > 0 and newest > mine then
    lost[#lost + 1] = i
  else
    redis.call('SET', key, ARGV[2 * i + 1], 'PX', ARGV[1])
  end
end
return lost
"""

# ARGV: the generation for each key; a lease of another generation stays.
_RELEASE: Final = """
for i, key in ipairs(KEYS) do
  local held = redis.call('GET', key)
  if held and string.match(held, '^(%d+)/') == ARGV[i] then
    redis.call('DEL', key)
  end
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """Where a charge point is connected, as other processes see it."""

    generation: int
    node: str
    process: str
    seen_at: datetime


def lease_key(charge_point_id: int) -> str:
    """The Redis key of a charge point's lease."""
    return f"{KEY_PREFIX}{charge_point_id}"


def parse_lease(value: str) -> Lease:
    """Read a lease.

    Raises:
        ValueError: it is not one.
    """
    generation, node, process, seen_at = value.split("/", 3)
    return Lease(int(generation), node, process, datetime.fromisoformat(seen_at))


class Presence:
    """Keeps the leases of this process's charge points."""

    def __init__(
        self,
        bus: Bus,
        directory: Directory,
        limits: Limits,
        *,
        place: tuple[str, str],
        on_disputed: Callable[[Station], None],
    ) -> None:
        """``place`` is (node, process); ``on_disputed`` gets the loser of a lease."""
        self._bus = bus
        self._directory = directory
        self._limits = limits
        self._node, self._process = place
        self._on_disputed = on_disputed
        self._came: dict[int, Station] = {}
        self._proven: set[int] = set()
        self._went: dict[int, int] = {}
        self._changed = asyncio.Event()
        self._renew = bus.redis.register_script(_RENEW)
        self._release = bus.redis.register_script(_RELEASE)

    def came(self, station: Station) -> None:
        """A charge point connected."""
        self._came[station.peer.charge_point_id] = station
        self._changed.set()

    def prove(self, station: Station) -> None:
        """The database says that this connection is the newest: take the lease."""
        self._proven.add(station.peer.charge_point_id)
        self.came(station)

    def went(self, station: Station) -> None:
        """A charge point's newest connection ended."""
        key = station.peer.charge_point_id
        self._came.pop(key, None)
        self._went[key] = station.peer.generation
        self._changed.set()

    async def follow_changes(self) -> None:
        """Write comings and goings, gathered for a moment, for ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._limits.lease_flush_s)
            self._changed.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what changed since the last time."""
        came, self._came = self._came, {}
        went, self._went = self._went, {}
        stations = list(came.values())
        if stations:
            # The others must hear of it before they renew their leases.
            await self._bus.publish(
                [
                    (EVICTIONS, f"{s.peer.charge_point_id}/{s.peer.generation}")
                    for s in stations
                ]
            )
            await self.renew(stations)
        ids = list(went)
        size = self._limits.lease_chunk
        for start in range(0, len(ids), size):
            chunk = ids[start : start + size]
            await self._run(
                self._release,
                [lease_key(key) for key in chunk],
                [str(went[key]) for key in chunk],
            )

    async def refresh(self) -> None:
        """Renew all leases at regular intervals, for ever."""
        while True:
            await asyncio.sleep(self._limits.lease_refresh_s)
            await self.renew(list(self._directory))

    async def renew(self, stations: Sequence[Station]) -> None:
        """Renew the leases of ``stations``, in chunks."""
        size = self._limits.lease_chunk
        for start in range(0, len(stations), size):
            chunk = stations[start : start + size]
            arguments = [str(round(self._limits.lease_life_s * 1000))]
            for station in chunk:
                proven = station.peer.charge_point_id in self._proven
                generation = 0 if proven else station.peer.generation
                arguments += [str(generation), self._value(station)]
            keys = [lease_key(station.peer.charge_point_id) for station in chunk]
            disputed = await self._run(self._renew, keys, arguments)
            if disputed is not None:
                self._proven.difference_update(s.peer.charge_point_id for s in chunk)
            for place in disputed or ():
                self._on_disputed(chunk[place - 1])

    def _value(self, station: Station) -> str:
        generation = station.peer.generation
        seen_at = station.seen_at.isoformat()
        return f"{generation}/{self._node}/{self._process}/{seen_at}"

    async def _run(self, script: Any, keys: list[str], arguments: list[str]) -> Any:  # noqa: ANN401 - as the script says
        try:
            result = await script(keys=keys, args=arguments)
        except REDIS_ERRORS:
            self._bus.note(is_up=False)
            return None
        self._bus.note(is_up=True)
        return result
