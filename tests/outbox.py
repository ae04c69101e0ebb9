"""Deliver outbox rows in the test's own process, through the worker's code path."""

from django.utils import timezone

from cpms.outbox.delivery import claim_due, deliver
from cpms.outbox.models import Delivery

ROUNDS_MAX = 50


def drain(*, impatient: bool = True) -> int:
    """Deliver until nothing is pending; returns how many were delivered.

    ``impatient`` brings forward what waits for a retry or a lease.
    """
    done = 0
    for _ in range(ROUNDS_MAX):
        if impatient:
            Delivery.objects.filter(state="pending").update(due_at=timezone.now())
        claimed = claim_due()
        if not claimed:
            return done
        progress = sum(deliver(name, ids) for name, ids in claimed.items())
        done += progress
        if not progress:
            return done
    raise AssertionError("The outbox does not come to rest.")
