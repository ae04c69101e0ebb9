"""The relay: leases due deliveries and hands them to Celery.

Woken by NOTIFY, polls as a fall-back. Holds no state: any number may run, and a
killed one costs at most a lease.
"""

import select
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection

from cpms.outbox.delivery import CLAIM_MAX, claim_due, give_back
from cpms.outbox.publishing import CHANNEL
from cpms.outbox.subscriptions import all_subscriptions, subscription

POLL_S: Final = 1.0
RECONNECT_S: Final = 0.5
QUEUE_MAX: Final = 500
"""Batches that may wait in one queue. At the limit its events stay in the outbox: what
waits longer than a lease would be sent twice."""

log = structlog.get_logger(__name__)

Send = Callable[[str, str, list[int]], None]
"""(queue, subscriber, delivery ids)"""

Waiting = Callable[[str], int]
"""Queue -> batches that wait in it."""


def _nothing_waits(_queue: str) -> int:
    return 0


def relay_once(send: Send, waiting: Waiting = _nothing_waits) -> int:
    """Lease one round of due deliveries and hand them over; returns how many.

    What the broker refuses is due again at once.
    """
    full = _full_queues(waiting)
    busy = [each.name for each in all_subscriptions() if each.queue in full]
    batches = list(_batches(claim_due(passing_over=busy)))
    for number, (queue, name, ids) in enumerate(batches):
        try:
            send(queue, name, ids)
        except Exception:
            give_back([pk for _, _, left in batches[number:] for pk in left])
            raise
    return sum(len(ids) for _, _, ids in batches)


def _full_queues(waiting: Waiting) -> set[str]:
    queues = {each.queue for each in all_subscriptions()}
    return {queue for queue in queues if waiting(queue) >= QUEUE_MAX}


def _batches(claimed: dict[str, list[int]]) -> Iterator[tuple[str, str, list[int]]]:
    for name, ids in claimed.items():
        wanted = subscription(name)
        queue = wanted.queue if wanted else "default"
        size = wanted.batch_max if wanted else 1
        for start in range(0, len(ids), size):
            yield queue, name, ids[start : start + size]


def _listen() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")


def _wait(seconds: float) -> None:
    """Sleep until something was published; at most so long.

    Raises:
        OperationalError, InterfaceError: the connection is gone.
    """
    with connection.wrap_database_errors:
        raw = connection.connection
        if raw is None:
            raise InterfaceError("The connection is closed.")
        # What came while a query ran lies here already, and the socket is silent.
        if not raw.notifies:
            select.select([raw], [], [], seconds)
            raw.poll()
        raw.notifies.clear()


def run(
    send: Send,
    *,
    stopped: Callable[[], bool],
    pause: Callable[[float], object],
    waiting: Waiting = _nothing_waits,
) -> None:
    """Relay until ``stopped()``; survives the loss of database and broker."""
    listening = False
    while not stopped():
        try:
            if not listening:
                _listen()
                listening = True
            if relay_once(send, waiting) < CLAIM_MAX:
                _wait(POLL_S)
        except (OperationalError, InterfaceError) as error:
            log.warning("relay_database_lost", error=str(error).strip())
            connection.close()
            listening = False
            pause(RECONNECT_S)
        except OSError as error:
            log.warning("relay_broker_lost", error=str(error))
            pause(RECONNECT_S)
