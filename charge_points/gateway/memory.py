"""Remembered answers and signs of life: all that a memory route may use."""

from datetime import datetime, timedelta

from charge_points.gateway.directory import Directory
from charge_points.gateway.limits import Limits
from charge_points.handlers.registry import Payload, Peer

Key = tuple[int, str, str]


class StationMemory:
    """The process's ``GatewayMemory``: bounded, short-lived, never the truth.

    A changed policy is forgotten by a wake-up (``forget``); when the wake-up is lost,
    the life of an entry bounds how long an old answer is given.
    """

    def __init__(self, directory: Directory, limits: Limits) -> None:
        """Remember nothing yet."""
        self._directory = directory
        self._life = timedelta(seconds=limits.memory_life_s)
        self._entries_max = limits.memory_entries_max
        self._entries: dict[Key, tuple[datetime, Payload]] = {}

    def seen(self, peer: Peer, at: datetime) -> None:
        """Note a sign of life of the connected charge point."""
        station = self._directory.get(peer.charge_point_id)
        if station is not None:
            station.seen_at = at

    def recall(self, peer: Peer, kind: str, key: str, at: datetime) -> Payload | None:
        """A remembered answer that is still fresh at ``at``."""
        entry = self._entries.get((peer.operator_id, kind, key))
        if entry is None or entry[0] <= at:
            return None
        return entry[1]

    def remember(
        self, peer: Peer, kind: str, key: str, answer: Payload, at: datetime
    ) -> None:
        """Keep ``answer`` for a short time."""
        entries = self._entries
        full_key = (peer.operator_id, kind, key)
        entries.pop(full_key, None)
        while len(entries) >= self._entries_max:
            entries.pop(next(iter(entries)), None)
        entries[full_key] = (at + self._life, answer)

    def forget(self, operator_id: int | None = None) -> None:
        """Forget what was remembered for one operator, or everything."""
        if operator_id is None:
            self._entries.clear()
            return
        for key in [key for key in self._entries.copy() if key[0] == operator_id]:
            self._entries.pop(key, None)
