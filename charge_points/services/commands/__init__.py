"""What the platform asks of charge points: rows first, the wire later.

Queueing is for everybody (admin, API, billing's starts); taking and recording are the
gateway's. A start and a reset leave at most once; what does no harm when it is done
twice leaves at least once.
"""

from charge_points.services.commands import batches, follow_ups
from charge_points.services.commands.delivery import (
    mark_sent,
    record_answers,
    recover,
    settle_overdue,
    take_for_delivery,
)
from charge_points.services.commands.queueing import (
    QUEUED_MAX,
    REPEATABLE_INTENTS,
    STOP_LIFETIME,
    UnableToQueueCommand,
    cancel,
    cancel_many,
    open_stops,
    queue,
    queue_intent,
    withdraw,
)

__all__ = [
    "QUEUED_MAX",
    "REPEATABLE_INTENTS",
    "STOP_LIFETIME",
    "UnableToQueueCommand",
    "batches",
    "cancel",
    "cancel_many",
    "follow_ups",
    "mark_sent",
    "open_stops",
    "queue",
    "queue_intent",
    "record_answers",
    "recover",
    "settle_overdue",
    "take_for_delivery",
    "withdraw",
]
