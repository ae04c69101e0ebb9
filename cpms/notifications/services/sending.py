"""Sending one message: signed, guarded, tried again for two days, then dead."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import orjson
import structlog
from django.db import transaction

from cpms.accounts.services import audit
from cpms.net.guarded import Answer, UnableToReach, post
from cpms.notifications.models import WebhookEndpoint, WebhookMessage
from cpms.notifications.services.endpoints import live_secrets
from cpms.notifications.services.fan_out import send_again
from cpms.notifications.services.signing import headers
from cpms.outbox.subscriptions import RetryLater

PAUSES_S: Final = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000, 72_000)
"""Between attempts; together two days. The eleventh failure is the last."""

DISABLE_AFTER: Final = timedelta(days=5)
"""An endpoint that failed so long without any success is switched off."""

REST: Final = timedelta(seconds=30)
"""After a failure nothing is sent to the endpoint so long: one endpoint that hangs must
not hold the workers."""

ERROR_CHARS_MAX: Final = 300
REPLAY_MAX: Final = 1_000
GONE: Final = 410

log = structlog.get_logger(__name__)


def send(*, message_id: int, at: datetime) -> None:
    """Try one message; outside any database transaction.

    Raises:
        RetryLater: it failed and has attempts left, or its endpoint rests.
    """
    message = (
        WebhookMessage.objects.select_related("endpoint").filter(pk=message_id).first()
    )
    if message is None or message.state != WebhookMessage.State.PENDING:
        return
    endpoint = message.endpoint
    if not endpoint.is_active:
        _give_up(message, f"The endpoint is off: {endpoint.disabled_reason}.", at=at)
        return
    if endpoint.rest_until is not None and at < endpoint.rest_until:
        raise RetryLater(
            (endpoint.rest_until - at).total_seconds(), "the endpoint rests"
        )
    try:
        answer = _post(message, endpoint, at=at)
    except UnableToReach as error:
        _failed(message, None, error.message, at=at)
    else:
        _judge(message, answer, at=at)


def _post(
    message: WebhookMessage, endpoint: WebhookEndpoint, *, at: datetime
) -> Answer:
    body = orjson.dumps(message.body)
    signed = headers(
        live_secrets(endpoint, at=at),
        message_id=message.event_ref,
        timestamp=int(at.timestamp()),
        body=body,
    )
    common = {"Content-Type": "application/json", "User-Agent": "CPMS-Webhooks/1"}
    return post(endpoint.url, body=body, headers={**common, **signed})


def _judge(message: WebhookMessage, answer: Answer, *, at: datetime) -> None:
    if 200 <= answer.status < 300:
        _delivered(message, answer.status, at=at)
    elif answer.status == GONE:
        _switch_off(message.endpoint_id, "it answered 410 Gone", at=at)
        _give_up(message, "The endpoint answered 410 Gone.", at=at)
    else:
        _failed(message, answer.status, f"It answered {answer.status}.", at=at)


@transaction.atomic
def _delivered(message: WebhookMessage, status: int, *, at: datetime) -> None:
    WebhookMessage.objects.filter(pk=message.pk).update(
        state=WebhookMessage.State.DELIVERED,
        attempts=message.attempts + 1,
        last_status=status,
        last_error="",
        tried_at=at,
        delivered_at=at,
    )
    WebhookEndpoint.objects.filter(pk=message.endpoint_id).update(
        failing_since=None, rest_until=None
    )


def _give_up(message: WebhookMessage, why: str, *, at: datetime) -> None:
    WebhookMessage.objects.filter(pk=message.pk).update(
        state=WebhookMessage.State.DEAD, last_error=why[:ERROR_CHARS_MAX], tried_at=at
    )


def _failed(
    message: WebhookMessage, status: int | None, why: str, *, at: datetime
) -> None:
    attempts = message.attempts + 1
    dead = attempts > len(PAUSES_S)
    with transaction.atomic():
        WebhookMessage.objects.filter(pk=message.pk).update(
            state=WebhookMessage.State.DEAD if dead else WebhookMessage.State.PENDING,
            attempts=attempts,
            last_status=status,
            last_error=why[:ERROR_CHARS_MAX],
            tried_at=at,
        )
        _note_failure(message.endpoint_id, at=at)
    log.warning("webhook_failed", message=message.pk, attempts=attempts, status=status)
    if not dead:
        raise RetryLater(PAUSES_S[attempts - 1], why)


def _note_failure(endpoint_id: int, *, at: datetime) -> None:
    row = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if row is None:
        return
    row.failing_since = row.failing_since or at
    row.rest_until = at + REST
    row.save(update_fields=["failing_since", "rest_until"])
    if row.is_active and at - row.failing_since > DISABLE_AFTER:
        _switch_off(endpoint_id, f"it failed since {row.failing_since:%F}", at=at)


@transaction.atomic
def _switch_off(endpoint_id: int, reason: str, *, at: datetime) -> None:
    row = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if row is None or not row.is_active:
        return
    row.is_active, row.disabled_reason = False, reason
    row.save(update_fields=["is_active", "disabled_reason"])
    audit.record(
        operator_id=row.operator_id,
        actor="system",
        action="webhook.switched_off",
        object=f"webhook endpoint {row.pk}",
        changes={"reason": reason},
        at=at,
    )


@transaction.atomic
def replay(message_ids: Collection[int]) -> int:
    """Send messages again that were delivered or given up, with fresh attempts.

    Returns:
        How many; at most ``REPLAY_MAX`` at once.
    """
    rows = list(
        WebhookMessage.objects.select_for_update()
        .filter(pk__in=list(message_ids)[:REPLAY_MAX])
        .exclude(state=WebhookMessage.State.PENDING)
        .order_by("pk")
    )
    WebhookMessage.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=WebhookMessage.State.PENDING, attempts=0, last_error=""
    )
    return send_again(rows)
