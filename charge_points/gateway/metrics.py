"""What the gateway counts; served on the internal metrics port of each process."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

CONNECTIONS = Gauge("cpms_gateway_connections", "Open charge point connections")
HANDSHAKES = Counter(
    "cpms_gateway_handshakes", "Handshakes by HTTP status of the answer", ["status"]
)
TLS_REFUSALS = Counter(
    "cpms_gateway_tls_refusals", "Connections that ended in TLS, by reason", ["reason"]
)
MESSAGES = Counter(
    "cpms_gateway_messages", "CALLs of charge points", ["version", "action"]
)
REFUSALS = Counter(
    "cpms_gateway_refusals", "CALLERRORs sent to charge points", ["version", "code"]
)
QUIRKS = Counter("cpms_gateway_quirks", "Tolerated deviations", ["quirk"])
CLOSED = Counter("cpms_gateway_closed", "Connections closed, by cause", ["cause"])
COMMANDS = Counter("cpms_gateway_commands", "CALLs to charge points", ["outcome"])

BATCH_JOBS = Histogram(
    "cpms_gateway_batch_jobs", "Jobs of one database transaction", buckets=_SIZES
)
BATCH_SECONDS = Histogram(
    "cpms_gateway_batch_seconds", "Begin to commit of one batch", buckets=_SECONDS
)
WAIT_SECONDS = Histogram(
    "cpms_gateway_wait_seconds",
    "Arrival to commit of the oldest job of each batch",
    buckets=_SECONDS,
)
QUEUE_JOBS = Gauge("cpms_gateway_queue_jobs", "Jobs that wait for the writer")
OVERLOADS = Counter("cpms_gateway_overloads", "Jobs refused because the queue was full")
CONFLICTS = Counter("cpms_gateway_conflicts", "Batches repeated after a deadlock")
REPEATS = Counter(
    "cpms_gateway_repeats", "Batches repeated with savepoints after an error"
)
ISOLATIONS = Counter("cpms_gateway_isolations", "Batches that were taken apart")
DATABASE_LOST = Counter("cpms_gateway_database_lost", "Times the database went away")
DATABASE_UP = Gauge("cpms_gateway_database_up", "1 while the writer has a database")
REDIS_UP = Gauge("cpms_gateway_redis_up", "1 while wake-ups and presence work")
REDIS_FAILURES = Counter("cpms_gateway_redis_failures", "Failed calls to Redis")


@cache
def messages(version: str, action: str) -> Counter:
    """The counter of one action; actions are those of the route tables."""
    return MESSAGES.labels(version, action)


@cache
def refusals(version: str, code: str) -> Counter:
    """The counter of one CALLERROR code; codes are ours."""
    return REFUSALS.labels(version, code)
