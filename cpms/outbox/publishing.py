"""Writing events, in the database transaction of the fact."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection, transaction
from psycopg2.extras import Json, execute_values

from cpms.outbox.subscriptions import subscriptions_to

CHANNEL: Final = "cpms_outbox"
_DELIVERIES: Final = """
INSERT INTO outbox_delivery (event_id, subscriber) VALUES %s; NOTIFY cpms_outbox
"""
"""Wakes who listens on ``CHANNEL``, without a way to the database of its own."""

Fact = tuple[str, int | None, str, dict[str, Any]]
"""(topic, operator id, key, payload)"""


def publish(
    topic: str, *, operator_id: int | None, key: str, payload: dict[str, Any]
) -> int:
    """Write one event and a delivery for each of its subscribers.

    Returns:
        The event's id.

    Raises:
        TransactionManagementError: there is no database transaction, so the event
            could outlive its fact or the fact its event.
    """
    return publish_many([(topic, operator_id, key, payload)])[0]


def publish_many(facts: Sequence[Fact]) -> list[int]:
    """Write events in two statements, whatever their number; see ``publish``."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "publish() belongs into the database transaction of its fact."
        )
    if not facts:
        return []
    # Below Django's own wrapping, so a lost database is recognised here too.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        ids: list[int] = [
            row[0]
            for row in execute_values(
                cursor.cursor,
                "INSERT INTO outbox_eventrecord (topic, operator_id, key, payload) "
                "VALUES %s RETURNING id",
                [(topic, op, key, Json(data)) for topic, op, key, data in facts],
                page_size=len(facts),
                fetch=True,
            )
        ]
        deliveries = [
            (event_id, subscription.name)
            for event_id, fact in zip(ids, facts, strict=True)
            for subscription in subscriptions_to(fact[0])
            if subscription.only_for is None or subscription.only_for(fact[1])
        ]
        if deliveries:
            execute_values(
                cursor.cursor,
                _DELIVERIES,
                deliveries,
                page_size=len(deliveries),
            )
    return ids
