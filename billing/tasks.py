"""Sweeps: no order is silently stuck."""

from datetime import timedelta
from typing import Any, Final

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from billing.models import Order
from billing.models.order_states import OrderState
from billing.services import moves, ordering, rating
from cpms.kernel.errors import DomainError

SWEEP_MAX: Final = 500
CREATED_MAX: Final = timedelta(seconds=300)
"""A claimed certificate lives so long: time for 3-D Secure (design page 1.3)."""

log = structlog.get_logger(__name__)


@shared_task(name="billing.sweep_finished", queue="billing")
def sweep_finished() -> int:
    """Price finished orders whose unplug never came, and such as were passed over."""
    numbers = Order.objects.filter(state=OrderState.FINISHED).order_by("moved_at")
    done = 0
    for number in numbers.values_list("number", flat=True)[:SWEEP_MAX]:
        with transaction.atomic():
            order = moves.lock(number)
            if order is not None and order.state == OrderState.FINISHED:
                done += rating.rate_if_complete(order, at=timezone.now())
    return done


@shared_task(name="billing.sweep_unpaid", queue="billing")
def sweep_unpaid() -> int:
    """Give up orders whose hold did not come in time."""
    now = timezone.now()
    late = Order.objects.filter(
        state=OrderState.CREATED, moved_at__lt=now - CREATED_MAX
    ).order_by("moved_at")
    done = 0
    for number in late.values_list("number", flat=True)[:SWEEP_MAX]:
        with transaction.atomic():
            order = moves.lock(number)
            if order is None or order.state != OrderState.CREATED:
                continue
            reason = "The payment was not confirmed in time."
            cause = moves.Cause(reason, "sweep", now)
            try:
                ordering.fail(order, reason, cause=cause)
                done += 1
            except DomainError as error:
                log.warning("sweep_failed", order=number, error=str(error))
                transaction.set_rollback(True)
    return done


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "billing-sweep-finished": {"task": "billing.sweep_finished", "schedule": 30.0},
    "billing-sweep-unpaid": {"task": "billing.sweep_unpaid", "schedule": 30.0},
}
