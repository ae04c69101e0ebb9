"""Append-only journal: one line of JSON per finished request.

A line is written before the answer leaves. The operating system keeps what
was written when the process is killed, so a kill -9 loses nothing that was
answered; a line cut short by the kill belongs to a request that was never
answered and is dropped.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from simulators.psp.errors import Json

_MODE = 0o600
# How every line begins; tells a cut line of ours from a foreign file.
_BEGIN = b'{"objects":'


def _is_ours(tail: bytes) -> bool:
    return tail.startswith(_BEGIN) or _BEGIN.startswith(tail)


class UnableToReadJournal(ValueError):
    """The file is no journal of this simulator."""


class Journal:
    """The file of one simulator."""

    def __init__(self, path: Path) -> None:
        """Remember the place; nothing is opened yet."""
        self.path = path
        self._descriptor: int | None = None

    def replay(self) -> Iterator[Json]:
        """Yield the records of all complete lines and cut off a broken tail.

        Raises:
            UnableToReadJournal: the file holds something else; it is left as
                it is.
        """
        if not self.path.exists():
            return
        good_bytes = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n") and _is_ours(line):
                    break
                yield self._read(line, number)
                good_bytes += len(line)
        os.truncate(self.path, good_bytes)

    def _read(self, line: bytes, number: int) -> Json:
        try:
            record: Json = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UnableToReadJournal(
                f"{self.path} line {number} is not of a journal: {error}. "
                "Move the file away to start with empty books."
            ) from None
        return record

    def open(self) -> None:
        """Open for appending; creates the file readable by its owner only."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(self.path, flags, _MODE)

    def append(self, line: bytes) -> None:
        """Write one record and its line end in a single call."""
        if self._descriptor is None:
            raise RuntimeError("The journal is not open.")
        data = memoryview(line + b"\n")
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
