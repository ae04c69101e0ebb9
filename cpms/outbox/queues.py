"""The names of all Celery queues."""

from dataclasses import dataclass
from typing import Final

QUEUES: Final = (
    "default",
    "billing",
    "payments",
    "settlement",
    "notifications",
    "maintenance",
)
"""Every queue of the system; a worker that serves all of them takes ``-Q`` this."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long one task may take.

    Attributes:
        soft_s: the task is told to end (``SoftTimeLimitExceeded``).
        hard_s: its process is killed; the task is handed over again.
    """

    soft_s: int
    hard_s: int


VISIBILITY_S: Final = 120
"""An unacknowledged task is handed over again after this: longer than any may take."""
TIME_LIMITS: Final[dict[str, TimeLimit]] = {
    "default": TimeLimit(60, 75),
    # Batches in one database transaction each.
    "billing": TimeLimit(45, 60),
    # One question to a provider; its own calls end after some seconds.
    "payments": TimeLimit(45, 60),
    # Reports of providers, page by page: what is cut short goes on where it was.
    "settlement": TimeLimit(75, 90),
    "notifications": TimeLimit(45, 60),
    "maintenance": TimeLimit(90, 105),
}
"""Of each queue; set on a task's message when it is sent."""
