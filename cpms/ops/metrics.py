"""What the web process tells Prometheus: the system's queues, read from their rows."""

from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, connection, transaction
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cpms.accounts.tenancy import acting_as_platform

QUERIES: Final = {
    "cpms_outbox_deliveries": (
        "Outbox deliveries that are not done, by state",
        "state",
        "SELECT state, count(*) FROM outbox_delivery WHERE state <> 'done' GROUP BY 1",
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
        "Commands to chargers that wait for delivery or an answer, by status",
        "status",
        (
            "SELECT status, count(*) FROM charge_points_command WHERE status IN "
            "('queued', 'sent') GROUP BY 1"
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
            except DatabaseError:
                continue
            for value, count in rows:
                family.add_metric([str(value)], count)
            yield family


def _rows(sql: str) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


REGISTRY: Final = CollectorRegistry(auto_describe=False)
REGISTRY.register(QueueCollector())
ProcessCollector(registry=REGISTRY)
