"""The station's own clock, which may run fast without ever being ahead.

A server doubts times in its future and energy that outruns power times time.
So a fast station (`scale` > 1) starts *behind* real time and catches up only
while a charge runs; idle it runs at real speed, and it never passes real time:
once it has caught up, it and its meters run at real speed. It never goes
backwards. What an event carries as timestamp is always this clock.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

FAST_CLOCK_BEHIND_S: Final = 4 * 3600


class StationClock:
    """Station time in UTC.

    Args:
        scale: station seconds per real second while a charge runs (>= 1).
        behind_s: how far behind real time it starts; the default is 0 at
            scale 1, else `FAST_CLOCK_BEHIND_S`: the fast time it can spend.
        offset_s: a wrong clock: added to everything it shows, may be negative.
    """

    def __init__(
        self, *, scale: int = 1, behind_s: int | None = None, offset_s: int = 0
    ) -> None:
        """Start running at real speed."""
        if behind_s is None:
            behind_s = 0 if scale == 1 else FAST_CLOCK_BEHIND_S
        self.scale = scale
        self.offset_s = offset_s
        self._fast_users = 0
        self._read_at_s = time.monotonic()
        self._shown = datetime.now(tz=UTC) - timedelta(seconds=behind_s)

    def now(self) -> datetime:
        """Return station time: never backwards, never ahead of real time."""
        read_at_s = time.monotonic()
        rate = self.scale if self._fast_users else 1
        step = timedelta(seconds=(read_at_s - self._read_at_s) * rate)
        real = datetime.now(tz=UTC)
        self._shown = max(self._shown, min(self._shown + step, real))
        self._read_at_s = read_at_s
        return self._shown + timedelta(seconds=self.offset_s)

    def run_fast(self) -> None:
        """Begin to run at `scale`; counted, one call per running charge."""
        self.now()
        self._fast_users += 1

    def run_normally(self) -> None:
        """Take one `run_fast` back."""
        self.now()
        self._fast_users -= 1


def stamp(at: datetime) -> str:
    """Return an instant as OCPP writes it: ISO 8601 UTC, milliseconds, ``Z``."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
