"""What the writer does for connections besides their requests."""

import logging
from collections.abc import Sequence
from typing import Final

from charge_points.gateway.doors import Closing, Doors
from charge_points.gateway.jobs import Kind
from charge_points.handlers.dispatch import run_set

logger = logging.getLogger(__name__)

NEWEST_RANK: Final = 5
CLOSE_RANK: Final = 30
NOTES_RANK: Final = 40


class ConnectionWork:
    """Kinds of work.

    ``close``: a ``Closing`` is recorded. ``newest``: the generation of the newest
    connection of a charge point id, 0 when it is not known. ``notes``: nothing by
    itself, but every batch writes the notes that wait.
    """

    def __init__(self, doors: Doors) -> None:
        """Work on these doors."""
        self._doors = doors
        self.newest = Kind("newest connections", self._newest, _unknown, NEWEST_RANK)
        self.close = Kind("close connections", self._close, _not_closed, CLOSE_RANK)
        self.notes = Kind("write notes", _no_results, _no_notes, NOTES_RANK)

    def _newest(self, charge_point_ids: Sequence[int]) -> list[int]:
        found = self._doors.generations(charge_point_ids)
        return [found.get(key, 0) for key in charge_point_ids]

    def _close(self, closings: Sequence[Closing]) -> list[None]:
        return run_set(self._close_set, closings, _not_closed)

    def _close_set(self, closings: Sequence[Closing]) -> list[None]:
        self._doors.close_connections(closings)
        return [None] * len(closings)


def _unknown(_charge_point_id: int, error: Exception) -> int:
    logger.warning("the newest connection is not known: %s", error)
    return 0


def _not_closed(closing: Closing, error: Exception) -> None:
    # The lease runs out or is gone already; the sweep of leases settles the row.
    logger.warning(
        "the end of the connection of charge point %d was not recorded: %s",
        closing.charge_point_id,
        error,
    )


def _no_results(items: Sequence[None]) -> list[None]:
    return list(items)


def _no_notes(_item: None, error: Exception) -> None:
    logger.warning("notes wait for the next batch: %s", error)
