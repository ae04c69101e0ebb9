"""Who wants to hear what: a registry filled when the apps are ready."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

BATCH_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Event:
    """A delivered fact; ``payload`` is JSON (ints, strings, no floats for money)."""

    id: int
    topic: str
    operator_id: int | None
    key: str
    payload: dict[str, Any]
    created_at: datetime


class RetryLater(Exception):
    """Raised by a subscriber: not now, ask again in so many seconds."""

    def __init__(self, seconds: float, reason: str) -> None:
        """Keep when and why."""
        super().__init__(reason)
        self.seconds = seconds


BatchHandler = Callable[[list[Event]], None]
EventHandler = Callable[[Event], None]
OperatorFilter = Callable[[int | None], bool]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber: its name, topics, queue and handler."""

    name: str
    topics: frozenset[str]
    queue: str
    transactional: bool
    batch_max: int
    handle_batch: BatchHandler | None
    handle_one: EventHandler | None
    only_for: OperatorFilter | None = None


_by_name: dict[str, Subscription] = {}
_by_topic: dict[str, tuple[Subscription, ...]] = {}


def subscriber(
    name: str,
    *,
    topics: Iterable[str],
    queue: str = "default",
    transactional: bool = True,
    batch_max: int = BATCH_MAX,
    only_for: OperatorFilter | None = None,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a handler under a stable name.

    Args:
        name: kept in the delivery rows; renaming one strands its rows.
        topics: what it hears.
        queue: Celery queue of its work.
        transactional: True: ``handle(list[Event])`` runs in one database
            transaction with the "done" of its rows. False, for handlers that call
            out: ``handle(Event)`` runs outside any database transaction and must be
            idempotent.
        batch_max: events a call (1 when not transactional).
        only_for: asked at publishing with the operator's id; False: no delivery is
            written. For subscribers that few operators have.

    Raises:
        ValueError: the name is taken by another handler.
    """

    def register(handle: Callable[[Any], None]) -> Callable[[Any], None]:
        if name in _by_name:
            raise ValueError(f"The subscriber name {name!r} is taken.")
        subscription = Subscription(
            name=name,
            topics=frozenset(topics),
            queue=queue,
            transactional=transactional,
            batch_max=batch_max if transactional else 1,
            handle_batch=handle if transactional else None,
            handle_one=None if transactional else handle,
            only_for=only_for,
        )
        _by_name[name] = subscription
        for topic in subscription.topics:
            _by_topic[topic] = (*_by_topic.get(topic, ()), subscription)
        return handle

    return register


def subscription(name: str) -> Subscription | None:
    """The subscription of this name, or None when the code no longer has it."""
    return _by_name.get(name)


def subscriptions_to(topic: str) -> tuple[Subscription, ...]:
    """Who hears this topic."""
    return _by_topic.get(topic, ())


def all_subscriptions() -> tuple[Subscription, ...]:
    """Every subscription, for documentation and health."""
    return tuple(_by_name.values())
