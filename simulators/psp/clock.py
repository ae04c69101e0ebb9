"""The provider's clock: real time plus an offset that tests may move."""

from datetime import UTC, datetime


class Clock:
    """Whole seconds since the epoch, never going backwards by control."""

    def __init__(self) -> None:
        """Start at real time."""
        self.offset_s = 0

    def now(self) -> int:
        """Return the provider's time in seconds since the epoch."""
        return int(datetime.now(tz=UTC).timestamp()) + self.offset_s
