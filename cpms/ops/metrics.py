"""What the web process tells Prometheus: the system's queues, read from their rows."""

from collections.abc import Iterator
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cpms.accounts.tenancy import acting_as_platform
from cpms.outbox.queues import QUEUES

REDIS_TIMEOUT_S: Final = 1.0

QUERIES: Final = {
    "cpms_outbox_deliveries": (
        "Outbox deliveries that are not done, by state",
        "state",
        "SELECT state, count(*) FROM outbox_delivery WHERE state <> 'done' GROUP BY 1",
    ),
    "cpms_outbox_oldest_seconds": (
        "Age of the oldest outbox delivery that is pending, by subscriber",
        "subscriber",
        (
            "SELECT subscriber, extract(epoch FROM now() - min(e.created_at))::float8 "
            "FROM outbox_delivery d JOIN outbox_eventrecord e ON e.id = d.event_id "
            "WHERE state = 'pending' GROUP BY 1"
        ),
    ),
    "cpms_orders": (
        "Orders that are not in a final state, by state",
        "state",
        (
            "SELECT state, count(*) FROM billing_order WHERE state NOT IN "
            "('CLOSED', 'CANCELLED', 'FAILED') GROUP BY 1"
        ),
    ),
    "cpms_commands": (
        "Commands to chargers that wait for delivery or an answer, by state",
        "state",
        (
            "SELECT state, count(*) FROM charge_points_command WHERE state IN "
            "('queued', 'sent') GROUP BY 1"
        ),
    ),
    "cpms_client_crl_remaining_seconds": (
        "Until a newer revocation list of a client CA is due; negative: it is late",
        "issuer",
        (
            "SELECT issuer, min(extract(epoch FROM next_update - now()))::float8 "
            "FROM charge_points_clientrevocationlist WHERE next_update IS NOT NULL "
            "GROUP BY 1"
        ),
    ),
}


class QueueCollector(Collector):
    """Counts rows at the moment of the scrape."""

    def collect(self) -> Iterator[Metric]:
        """One gauge a queue."""
        for name, (text, label, sql) in QUERIES.items():
            family = GaugeMetricFamily(name, text, labels=[label])
            try:
                with acting_as_platform("metrics"), transaction.atomic():
                    rows = _rows(sql)
            except (DatabaseError, InterfaceError):
                continue  # what cannot be counted is missing, which alerts see
            for value, count in rows:
                family.add_metric([str(value)], count)
            yield family


class BrokerCollector(Collector):
    """Counts the batches that wait for workers."""

    def collect(self) -> Iterator[Metric]:
        """One gauge, by queue."""
        family = GaugeMetricFamily(
            "cpms_queue_batches", "Batches that wait in the broker", labels=["queue"]
        )
        try:
            with redis.Redis.from_url(
                settings.CELERY_BROKER_URL,
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
            ) as client:
                for queue in QUEUES:
                    family.add_metric([queue], float(client.llen(queue)))
        except redis.RedisError:
            return
        yield family


def _rows(sql: str) -> list[tuple[str, float]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


REGISTRY: Final = CollectorRegistry(auto_describe=False)
REGISTRY.register(QueueCollector())
REGISTRY.register(BrokerCollector())
ProcessCollector(registry=REGISTRY)
