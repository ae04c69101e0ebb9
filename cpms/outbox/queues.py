"""The names of all Celery queues."""

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
