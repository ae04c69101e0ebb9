"""Sweeps: no order is silently stuck."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.models import Order
from billing.models.order_states import OrderState
from billing.queries import stuck_orders
from billing.services import (
    moves,
    ordering,
    payability,
    paying,
    rating,
    running_costs,
    standing,
)
from billing.services.documents import mailing
from cpms.kernel.errors import DomainError

SWEEP_MAX: Final = 500
PAYMENT_AFTER: Final = timedelta(minutes=2)
"""Events are quicker; after this the payment is asked how it stands."""

log = structlog.get_logger(__name__)


def _each(
    state: OrderState, since: datetime, deed: Callable[[Order, datetime], bool]
) -> int:
    """Do a deed for the orders that are in a state since then; one bad one harms none.

    Returns:
        For how many it was done.
    """
    now = timezone.now()
    rows = Order.objects.filter(state=state, moved_at__lte=since).order_by("moved_at")
    done = 0
    for number in list(rows.values_list("number", flat=True)[:SWEEP_MAX]):
        try:
            with transaction.atomic():
                order = moves.lock(number)
                if order is not None and order.state == state:
                    done += deed(order, now)
        except DomainError as error:
            log.warning("sweep_failed", order=number, error=str(error))
    return done


def _price(order: Order, now: datetime) -> bool:
    return rating.rate_if_complete(order, at=now)


def _give_up(order: Order, now: datetime) -> bool:
    reason = "The payment was not confirmed in time."
    ordering.fail(order, reason, cause=moves.Cause(reason, "sweep", now))
    return True


def _ask_payment(order: Order, now: datetime) -> bool:
    paying.payment_changed(order.number, at=now)
    order.refresh_from_db()
    return order.state != OrderState.RATED


@shared_task(name="billing.sweep_finished")
def sweep_finished() -> int:
    """Price finished orders whose unplug never came, and such as were passed over."""
    return _each(OrderState.FINISHED, timezone.now(), _price)


@shared_task(name="billing.sweep_unpaid")
def sweep_unpaid() -> int:
    """Give up orders whose hold did not come in time.

    They live as long as a claimed certificate does: time for 3-D Secure (design page
    1.3).
    """
    lifetime = timedelta(seconds=settings.CERTIFICATE_CLAIMED_LIFETIME_S)
    return _each(OrderState.CREATED, timezone.now() - lifetime, _give_up)


@shared_task(name="billing.sweep_rated")
def sweep_rated() -> int:
    """Close orders whose payment went on without our hearing of it."""
    return _each(OrderState.RATED, timezone.now() - PAYMENT_AFTER, _ask_payment)


@shared_task(name="billing.sweep_mails")
def sweep_mails() -> int:
    """Name the receipts of which nobody knows whether they were sent."""
    return mailing.sweep(at=timezone.now())


@shared_task(name="billing.refresh_payability")
def refresh_payability() -> int:
    """Let drivers' tokens in only where the operator can be paid (new ones as well)."""
    return payability.refresh(at=timezone.now())


@shared_task(name="billing.refresh_standing")
def refresh_standing() -> int:
    """Let the tokens of accounts in or not: new days, debts that were given up."""
    return standing.sweep(at=timezone.now())


@shared_task(name="billing.tell_running_costs")
def tell_running_costs() -> int:
    """Show on the stations' displays what the charges cost so far."""
    return running_costs.tell_costs(at=timezone.now())


@shared_task(name="billing.report_stuck")
def report_stuck() -> int:
    """Tell the log of orders that do not go on; the operator sees the same list."""
    found = stuck_orders(at=timezone.now())
    for order in found:
        log.warning(
            "order_stuck",
            order=order.number,
            operator=order.operator_id,
            state=order.state,
            payment_state=order.payment_state,
            since=order.since.isoformat(),
        )
    return len(found)


BILLING: Final = {"queue": "billing"}
MAINTENANCE: Final = {"queue": "maintenance"}

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "billing-sweep-finished": {
        "task": "billing.sweep_finished",
        "schedule": 30.0,
        "options": BILLING,
    },
    "billing-sweep-unpaid": {
        "task": "billing.sweep_unpaid",
        "schedule": 30.0,
        "options": BILLING,
    },
    "billing-sweep-rated": {
        "task": "billing.sweep_rated",
        "schedule": 60.0,
        "options": BILLING,
    },
    "billing-refresh-payability": {
        "task": "billing.refresh_payability",
        "schedule": 60.0,
        "options": BILLING,
    },
    "billing-refresh-standing": {
        "task": "billing.refresh_standing",
        "schedule": 60.0,
        "options": BILLING,
    },
    "billing-tell-running-costs": {
        "task": "billing.tell_running_costs",
        "schedule": 30.0,
        "options": BILLING,
    },
    "billing-sweep-mails": {
        "task": "billing.sweep_mails",
        "schedule": 300.0,
        "options": MAINTENANCE,
    },
    "billing-report-stuck": {
        "task": "billing.report_stuck",
        "schedule": 900.0,
        "options": MAINTENANCE,
    },
}
