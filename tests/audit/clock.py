"""One clock for the month: this process and the provider jump together."""

from datetime import datetime, timedelta
from typing import Self

import time_machine
from django.utils import timezone


class Clock:
    """Real time plus what was skipped."""

    def __init__(self, psp) -> None:
        self._psp = psp
        self._travel = time_machine.travel(datetime.now().astimezone(), tick=True)
        self._traveller = None
        self.followers = []

    def __enter__(self) -> Self:
        self._traveller = self._travel.start()
        return self

    def __exit__(self, *_) -> None:
        self._travel.stop()

    def skip(self, span: timedelta) -> None:
        """Nothing happens for so long."""
        seconds = int(span.total_seconds())
        self.follow(seconds)
        for tell in self.followers:
            tell(seconds)
        self._psp.control("clock", {"advance_s": seconds})

    def follow(self, seconds: int) -> None:
        """This process's part of a jump."""
        self._traveller.shift(seconds)

    @staticmethod
    def now() -> datetime:
        return timezone.now()
