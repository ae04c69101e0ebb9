"""From an event to one message for each endpoint that wants it."""

import threading
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction

from cpms.accounts.tenancy import acting_as_platform
from cpms.notifications.catalogue import BY_TOPIC, TEST_TYPE, TYPES
from cpms.notifications.models import WebhookEndpoint, WebhookMessage
from cpms.outbox.publishing import publish_many
from cpms.outbox.subscriptions import Event

MESSAGE_QUEUED: Final = "WebhookMessageQueued"
"""Work of this room itself: ``message_id``."""

INTEREST_LIFE_S: Final = 5.0
"""So long a new endpoint may wait for its first event."""


class _Interest:
    """Which operators have an endpoint: asked at every event, so remembered shortly."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._ids: frozenset[int] = frozenset()

    def has(self, operator_id: int | None) -> bool:
        if operator_id is None:
            return False
        with self._lock:
            if time.monotonic() >= self._until:
                self._ids = _interested()
                self._until = time.monotonic() + INTEREST_LIFE_S
            return operator_id in self._ids

    def forget(self) -> None:
        with self._lock:
            self._until = 0.0


def _interested() -> frozenset[int]:
    with acting_as_platform("which operators have webhooks?"):
        rows = WebhookEndpoint.objects.filter(is_active=True)
        return frozenset(rows.values_list("operator_id", flat=True).distinct())


interest: Final = _Interest()


def _wants(endpoint: WebhookEndpoint, event_type: str) -> bool:
    return not endpoint.types or event_type in endpoint.types


def _body(event: Event, event_type: str, operator_code: str) -> dict[str, Any]:
    return {
        "id": f"evt_{event.id}",
        "type": event_type,
        "timestamp": _iso(event.created_at),
        "operator": operator_code,
        "data": event.payload,
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _by_operator(ids: Collection[int | None]) -> dict[int, list[WebhookEndpoint]]:
    rows = WebhookEndpoint.objects.filter(
        operator_id__in=[each for each in ids if each is not None], is_active=True
    )
    found: dict[int, list[WebhookEndpoint]] = {}
    for row in rows.select_related("operator").order_by("pk"):
        found.setdefault(row.operator_id, []).append(row)
    return found


def fan_out(events: Sequence[Event], *, at: datetime) -> int:
    """Write the messages of these events, once; in the caller's database transaction.

    Returns:
        How many messages are new.
    """
    endpoints = _by_operator({event.operator_id for event in events})
    rows = [
        WebhookMessage(
            operator_id=endpoint.operator_id,
            endpoint_id=endpoint.pk,
            event_ref=f"evt_{event.id}",
            type=BY_TOPIC[event.topic].type,
            body=_body(event, BY_TOPIC[event.topic].type, endpoint.operator.code),
            created_at=at,
        )
        for event in events
        for endpoint in endpoints.get(event.operator_id or 0, ())
        if _wants(endpoint, BY_TOPIC[event.topic].type)
    ]
    return _queue(rows)


def _queue(rows: Sequence[WebhookMessage]) -> int:
    if not rows:
        return 0
    WebhookMessage.objects.bulk_create(rows, ignore_conflicts=True)
    refs = {(row.endpoint_id, row.event_ref) for row in rows}
    made = WebhookMessage.objects.filter(
        endpoint_id__in={endpoint for endpoint, _ in refs},
        event_ref__in={ref for _, ref in refs},
        state=WebhookMessage.State.PENDING,
        attempts=0,
    )
    return send_again(made)


def send_again(messages: Collection[WebhookMessage] | Any) -> int:  # noqa: ANN401 - or a queryset
    """Put pending messages into the outbox's hands."""
    facts = [
        (
            MESSAGE_QUEUED,
            message.operator_id,
            f"webhook:{message.pk}",
            {"message_id": message.pk},
        )
        for message in messages
    ]
    publish_many(facts)
    return len(facts)


@transaction.atomic
def queue_test(endpoint: WebhookEndpoint, *, key: str, at: datetime) -> WebhookMessage:
    """Write a test message; it goes the way of all others."""
    ref = f"evt_test_{key}"[:40]
    body = {
        "id": ref,
        "type": TEST_TYPE,
        "timestamp": _iso(at),
        "operator": endpoint.operator.code,
        "data": {"types": list(endpoint.types) or list(TYPES)},
    }
    row, new = WebhookMessage.objects.get_or_create(
        endpoint=endpoint,
        event_ref=ref,
        defaults={
            "operator_id": endpoint.operator_id,
            "type": TEST_TYPE,
            "body": body,
            "created_at": at,
        },
    )
    if new:
        send_again([row])
    return row
