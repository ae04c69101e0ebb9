"""Facts that travel up: event rows, subscriptions, delivery.

Doors: ``publish``, ``publish_many``, ``subscriber``, ``Event``, ``RetryLater``.
An event is written in the database transaction of the fact that it tells, and is
delivered at least once; a subscriber's work and its "done" are one database
transaction (docs/adr/0004).
"""

from cpms.outbox.publishing import publish, publish_many
from cpms.outbox.subscriptions import Event, RetryLater, subscriber

__all__ = ["Event", "RetryLater", "publish", "publish_many", "subscriber"]
