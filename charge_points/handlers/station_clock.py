"""How far a station's clock lags behind, as its messages of one connection show.

A 1.6 station does not say whether a start happened offline. A start that looks old may
be one, or a present one told by a clock that is slow (design page 3.3: 1970, local time
labelled Z). The statuses that a station sends of its other connectors, and of itself,
tell which: what is sent at once arrives as late as the clock is slow.
"""

from datetime import timedelta
from typing import Final

CONNECTORS_MAX: Final = 64
"""Of more connectors nothing is remembered; a station has a handful."""


class StationClock:
    """The smallest lag seen of each connector; connector 0 is the station itself.

    The state of one connection: where it is lost, the next one shows it anew.
    """

    __slots__ = ("_lags",)

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lags: dict[int, timedelta] = {}

    def note(self, connector: int, lag: timedelta) -> None:
        """A status of a connector arrived so long after its own time."""
        before = self._lags.get(connector)
        if before is None and len(self._lags) >= CONNECTORS_MAX:
            return
        self._lags[connector] = lag if before is None else min(before, lag)

    def lag(self, *, but: int) -> timedelta | None:
        """The clock's lag; None when nothing shows it.

        Args:
            but: a connector that is no witness: the statuses of a charge that began
                offline are as old as its start.
        """
        lags = [lag for connector, lag in self._lags.items() if connector != but]
        return min(lags) if lags else None
