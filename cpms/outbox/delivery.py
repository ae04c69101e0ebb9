"""Handing events to subscribers: exactly once in effect.

``claim_due`` leases rows for the relay; ``deliver`` does the work of a lease. A
worker that dies keeps nothing: its rows are due again when the lease runs out.
"""

import random
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

import structlog
from django.db import transaction
from django.utils import timezone

from cpms.outbox.models import Delivery
from cpms.outbox.subscriptions import Event, RetryLater, Subscription, subscription

LEASE: Final = timedelta(seconds=40)
ATTEMPTS_MAX: Final = 12
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 600.0
ERROR_CHARS_MAX: Final = 2000
CLAIM_MAX: Final = 1000

PATIENCE: Final = timedelta(days=3)
"""How long a subscriber may say "later" before that counts as failing."""

log = structlog.get_logger(__name__)


def claim_due(
    *, limit: int = CLAIM_MAX, passing_over: Collection[str] = ()
) -> dict[str, list[int]]:
    """Lease due deliveries.

    Args:
        limit: how many at most.
        passing_over: subscribers that cannot take more now.

    Returns:
        Subscriber name -> delivery ids, oldest first.
    """
    with transaction.atomic():
        rows = list(
            Delivery.objects.filter(state="pending", due_at__lte=timezone.now())
            .exclude(subscriber__in=passing_over)
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True)
            .values_list("pk", "subscriber")[:limit]
        )
        if rows:
            Delivery.objects.filter(pk__in=[pk for pk, _ in rows]).update(
                due_at=timezone.now() + LEASE
            )
    claimed: dict[str, list[int]] = {}
    for pk, name in rows:
        claimed.setdefault(name, []).append(pk)
    return claimed


def give_back(delivery_ids: Sequence[int]) -> int:
    """End the lease of rows that could not be handed over: they are due again."""
    return Delivery.objects.filter(pk__in=delivery_ids, state="pending").update(
        due_at=timezone.now()
    )


def deliver(name: str, delivery_ids: Sequence[int]) -> int:
    """Do the work of these deliveries; what is done already is passed over.

    Returns:
        How many were done now.
    """
    wanted = subscription(name)
    if wanted is None:
        # While versions change, the next worker may be the one that knows it.
        for pk in delivery_ids:
            _postpone(pk, LookupError(f"no code subscribes as {name!r} here"))
        return 0
    if not wanted.transactional:
        return sum(_deliver_outside(wanted, pk) for pk in delivery_ids)
    try:
        return _deliver_batch(wanted, delivery_ids)
    except Exception as error:  # noqa: BLE001 - one bad event must not stop others
        if len(delivery_ids) == 1:
            _postpone(delivery_ids[0], error)
            return 0
    return sum(deliver(name, [pk]) for pk in delivery_ids)


def _locked(delivery_ids: Sequence[int]) -> list[Delivery]:
    return list(
        Delivery.objects.filter(pk__in=delivery_ids, state="pending")
        .select_related("event")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("id")
    )


def _event(delivery: Delivery) -> Event:
    row = delivery.event
    return Event(
        row.pk, row.topic, row.operator_id, row.key, row.payload, row.created_at
    )


@transaction.atomic
def _deliver_batch(wanted: Subscription, delivery_ids: Sequence[int]) -> int:
    rows = _locked(delivery_ids)
    if not rows or wanted.handle_batch is None:
        return 0
    wanted.handle_batch([_event(row) for row in rows])
    return _mark_done([row.pk for row in rows])


def _deliver_outside(wanted: Subscription, delivery_id: int) -> int:
    row = (
        Delivery.objects.filter(pk=delivery_id, state="pending")
        .select_related("event")
        .first()
    )
    if row is None or wanted.handle_one is None:
        return 0
    try:
        wanted.handle_one(_event(row))
    except Exception as error:  # noqa: BLE001 - kept on the row, retried, then dead
        _postpone(delivery_id, error)
        return 0
    return _mark_done([delivery_id])


def _mark_done(ids: list[int]) -> int:
    return Delivery.objects.filter(pk__in=ids, state="pending").update(
        state="done", done_at=timezone.now(), last_error=""
    )


def _backoff_s(attempts: int) -> float:
    ceiling = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**attempts)
    return ceiling * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret


@transaction.atomic
def _postpone(delivery_id: int, error: Exception) -> None:
    rows = _locked([delivery_id])
    if not rows:
        return
    row = rows[0]
    row.last_error = f"{type(error).__name__}: {error}"[:ERROR_CHARS_MAX]
    if isinstance(error, RetryLater) and _is_patient(row):
        seconds = error.seconds
    else:
        row.attempts += 1
        seconds = _backoff_s(row.attempts)
        log.warning(
            "delivery_failed",
            subscriber=row.subscriber,
            delivery=row.pk,
            attempts=row.attempts,
            error=row.last_error,
        )
    if row.attempts >= ATTEMPTS_MAX:
        row.state = Delivery.State.DEAD
        log.error("delivery_dead", subscriber=row.subscriber, delivery=row.pk)
    row.due_at = timezone.now() + timedelta(seconds=seconds)
    row.save(update_fields=["last_error", "attempts", "state", "due_at"])


def _is_patient(row: Delivery) -> bool:
    return row.event.created_at > timezone.now() - PATIENCE


def replay(delivery_ids: Sequence[int]) -> int:
    """Make dead deliveries due again, with fresh attempts."""
    return Delivery.objects.filter(pk__in=delivery_ids, state="dead").update(
        state="pending", attempts=0, due_at=timezone.now()
    )
