"""``manage.py outbox_relay``: hands outbox rows to Celery."""

import signal
import threading
from typing import Any, Final

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerLost

from cpms.accounts.management.base import refused
from cpms.kernel.errors import DomainError
from cpms.outbox.relay import relay_once, run
from cpms.outbox.tasks import deliver_batch

BROKER_TIMEOUT_S: Final = 5.0


class UnableToRelay(DomainError):
    """Broker or database are away; what was due stays due."""


def _send(queue: str, name: str, ids: list[int]) -> None:
    try:
        deliver_batch.apply_async((name, ids), queue=queue, retry=False)
    except (BrokerLost, redis.RedisError) as error:
        raise ConnectionError(str(error)) from error


class _Broker:
    """How much waits in the queues of the broker."""

    def __init__(self) -> None:
        self._client = redis.Redis.from_url(
            settings.CELERY_BROKER_URL,
            socket_timeout=BROKER_TIMEOUT_S,
            socket_connect_timeout=BROKER_TIMEOUT_S,
        )

    def waiting(self, queue: str) -> int:
        """Batches in a queue.

        Raises:
            ConnectionError: the broker is lost.
        """
        try:
            return int(self._client.llen(queue))
        except redis.RedisError as error:
            raise ConnectionError(str(error)) from error


class Command(BaseCommand):
    """Run the relay until SIGTERM or SIGINT."""

    help = (
        "Hand outbox rows to Celery in batches (woken by NOTIFY, polls as fall-back)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One switch: a single round."""
        parser.add_argument(
            "--once", action="store_true", help="relay what is due now, then end"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Relay."""
        if options["once"]:
            self.stdout.write(str(self._round()))
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        run(_send, stopped=stop.is_set, pause=stop.wait, waiting=_Broker().waiting)

    def _round(self) -> int:
        """A single round; says what is missing instead of waiting for it."""
        try:
            return relay_once(_send)
        except ConnectionError as error:
            raise refused(
                UnableToRelay(
                    "broker_unreachable",
                    f"The broker does not answer ({error}); start Valkey or check "
                    "REDIS_URL. Nothing is lost: what is due goes out next time.",
                )
            ) from error
        except OperationalError as error:
            raise refused(
                UnableToRelay(
                    "database_unreachable",
                    f"The database does not answer ({str(error).strip()}); start "
                    "PostgreSQL or check the DATABASE_URL settings, then try again.",
                )
            ) from error
