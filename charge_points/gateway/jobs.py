"""What the writer executes: kinds of work, and jobs of a kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class UnableToServe(Exception):
    """The writer could not take or finish a job: overload, no database, shut-down.

    Not the job's fault, and nothing of it was written: the sender may try again.
    """


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of work; jobs of a kind that wait together are executed together.

    ``execute(items) -> results`` runs in the writer thread, inside the batch's
    database transaction, and keeps one bad item from failing the others (savepoints).
    ``failed(item, error) -> result`` makes the result of an item that could not be
    executed. ``rank`` orders the kinds within a transaction.
    """

    name: str
    execute: Callable[[Sequence[Any]], list[Any]]
    failed: Callable[[Any, Exception], Any]
    rank: int = 0
    # Sorts the items of a set, so that processes lock rows in one order.
    sort_key: Callable[[Any], Any] | None = None
    # Runs in a database transaction without other kinds, after theirs.
    is_apart: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One item of a kind and who waits for its result.

    ``done(result)`` is called on the event loop, after the commit. ``deadline`` is
    monotonic seconds: later than that the job is not begun again.
    """

    kind: Kind
    item: Any
    done: Callable[[Any], None]
    queued_at: float
    deadline: float
    result: Any = field(default=None)
    # Committed, or failed for good: the result may leave.
    finished: bool = False


class BatchFrame(Protocol):
    """What surrounds the jobs of a batch, in the same database transaction."""

    def begin(self, jobs: Sequence[Job]) -> list[Job]:
        """Settle the jobs that must not run (fence); return the others."""

    def finish(self, jobs: Sequence[Job]) -> None:
        """Write what all jobs leave behind (message log, quirks)."""

    def committed(self, jobs: Sequence[Job]) -> None:
        """After the commit, still in the writer thread."""


class NoFrame:
    """A frame that adds nothing."""

    def begin(self, jobs: Sequence[Job]) -> list[Job]:
        """Run all of them."""
        return list(jobs)

    def finish(self, jobs: Sequence[Job]) -> None:
        """Leave nothing."""

    def committed(self, jobs: Sequence[Job]) -> None:
        """Do nothing."""
