"""The relay: leases due deliveries and hands them to Celery.

Woken by NOTIFY, polls as a fall-back. Holds no state: any number may run, and a
killed one costs at most a lease.
"""

import select
from collections.abc import Callable
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection

from cpms.outbox.delivery import CLAIM_MAX, claim_due
from cpms.outbox.publishing import CHANNEL
from cpms.outbox.subscriptions import subscription

POLL_S: Final = 1.0
RECONNECT_S: Final = 0.5

log = structlog.get_logger(__name__)

Send = Callable[[str, str, list[int]], None]
"""(queue, subscriber, delivery ids)"""


def relay_once(send: Send) -> int:
    """Lease one round of due deliveries and hand them over; returns how many.

    When the broker refuses, the rows stay leased and come again.
    """
    claimed = claim_due()
    for name, ids in claimed.items():
        wanted = subscription(name)
        queue = wanted.queue if wanted else "default"
        size = wanted.batch_max if wanted else 1
        for start in range(0, len(ids), size):
            send(queue, name, ids[start : start + size])
    return sum(len(ids) for ids in claimed.values())


def _listen() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")


def _wait(seconds: float) -> None:
    raw = connection.connection
    select.select([raw], [], [], seconds)
    raw.poll()
    raw.notifies.clear()


def run(
    send: Send, *, stopped: Callable[[], bool], pause: Callable[[float], object]
) -> None:
    """Relay until ``stopped()``; survives the loss of database and broker."""
    listening = False
    while not stopped():
        try:
            if not listening:
                _listen()
                listening = True
            if relay_once(send) < CLAIM_MAX:
                _wait(POLL_S)
        except (OperationalError, InterfaceError) as error:
            log.warning("relay_database_lost", error=str(error).strip())
            connection.close()
            listening = False
            pause(RECONNECT_S)
        except OSError as error:
            log.warning("relay_broker_lost", error=str(error))
            pause(RECONNECT_S)
