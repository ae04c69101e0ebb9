"""What a batch leaves behind: message log and conformance counts.

Notes are collected on the loop and written with the next batch. They are dropped when
too many pile up: losing a note must never cost a message.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from charge_points.gateway import metrics
from charge_points.gateway.doors import Breach, Doors, LogEntry, QuirkNote
from charge_points.handlers.dispatch import run_set
from charge_points.handlers.registry import Peer

Note = TypeVar("Note", LogEntry, QuirkNote, Breach)

logger = logging.getLogger(__name__)

ENTRIES_MAX: Final = 20_000
QUIRK_KEYS_MAX: Final = 20_000
BREACHES_MAX: Final = 2_000
EXAMPLE_MAX_CHARS: Final = 1_000


@dataclass(slots=True)
class _Count:
    note: QuirkNote
    count: int


class Journal:
    """Notes on their way to the database.

    ``add_…`` may be called from loop and writer thread; ``write`` and ``written`` from
    the writer thread only.
    """

    def __init__(self, doors: Doors) -> None:
        """Nothing to write yet."""
        self._doors = doors
        self._entries: deque[LogEntry] = deque(maxlen=ENTRIES_MAX)
        self._breaches: deque[Breach] = deque(maxlen=BREACHES_MAX)
        self._quirks: dict[tuple[int, str], _Count] = {}
        self._taken: tuple[list[LogEntry], list[QuirkNote], list[Breach]] = ([], [], [])

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        return not (self._entries or self._quirks or self._breaches)

    def add_entry(self, entry: LogEntry) -> None:
        """Note an exchange for the message log."""
        self._entries.append(entry)

    def add_breach(self, breach: Breach) -> None:
        """Note a refused handshake."""
        self._breaches.append(breach)

    def add_quirk(self, peer: Peer, quirk: str, example: str, at: datetime) -> None:
        """Count a deviation; of many alike one example is kept."""
        metrics.QUIRKS.labels(quirk).inc()
        key = (peer.charge_point_id, quirk)
        found = self._quirks.get(key)
        if found is not None:
            found.count += 1
        elif len(self._quirks) < QUIRK_KEYS_MAX:
            note = QuirkNote(
                charge_point_id=peer.charge_point_id,
                operator_id=peer.operator_id,
                version=peer.version,
                quirk=quirk,
                # PostgreSQL's text holds no NUL.
                example=example[:EXAMPLE_MAX_CHARS].replace("\x00", "\ufffd"),
                at=at,
            )
            self._quirks[key] = _Count(note, 1)

    def write(self, exchanges: Sequence[LogEntry] = ()) -> None:
        """Write the batch's own exchanges and all notes, in savepoints of their own.

        Notes that cannot be written are dropped and logged.

        Raises:
            Exception: the database is lost, or there was a conflict: try again.
        """
        entries, quirks, breaches = self._taken
        while self._entries:
            entries.append(self._entries.popleft())
        counts, self._quirks = self._quirks, {}
        for found in counts.values():
            quirks.append(_counted(found))
        while self._breaches:
            breaches.append(self._breaches.popleft())
        rows = [*entries, *exchanges]
        _write_each(self._doors.write_log, rows)
        _write_each(self._doors.count_quirks, quirks)
        _write_each(self._doors.report_breaches, breaches)

    def written(self) -> None:
        """The database transaction of the last ``write`` was committed."""
        self._taken = ([], [], [])


def _write_each(write: Callable[[Sequence[Note]], None], notes: Sequence[Note]) -> None:
    def write_all(group: Sequence[Note]) -> list[None]:
        write(group)
        return [None] * len(group)

    def lost(note: Note, error: Exception) -> None:
        logger.error("a %s was lost: %s", type(note).__name__, error)

    if notes:
        run_set(write_all, notes, lost)


def _counted(found: _Count) -> QuirkNote:
    note = found.note
    return QuirkNote(
        charge_point_id=note.charge_point_id,
        operator_id=note.operator_id,
        version=note.version,
        quirk=note.quirk,
        example=note.example,
        at=note.at,
        count=found.count,
    )
