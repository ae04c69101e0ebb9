"""What others may read of billing: frozen facts, never rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from billing.models import Order
from billing.models.order_states import OrderState

# How long an order may stay in a state before somebody should look at it.
STATE_LIMITS: Final[dict[OrderState, timedelta]] = {
    OrderState.CREATED: timedelta(minutes=10),
    OrderState.STARTING: timedelta(minutes=10),
    OrderState.CHARGING: timedelta(days=2),
    OrderState.FINISHED: timedelta(hours=13),
    OrderState.REVIEW: timedelta(hours=1),
    OrderState.RATED: timedelta(hours=1),
}
STUCK_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class StuckOrder:
    """An order without a move for longer than its state's limit."""

    number: str
    operator_id: int
    state: str
    payment_state: str
    since: datetime
    reason: str


def late(at: datetime) -> Q:
    """Orders without a move for longer than their state's limit."""
    found = Q(pk__in=[])
    for state, limit in STATE_LIMITS.items():
        found |= Q(state=state, moved_at__lt=at - limit)
    return found


def not_going_on(at: datetime) -> Q:
    """The late ones that wait for nobody's decision: something is wrong with them."""
    return late(at) & ~Q(state=OrderState.REVIEW)


def stuck_orders(
    *, at: datetime, operator_ids: Iterable[int] | None = None
) -> list[StuckOrder]:
    """Orders that do not go on, longest first; of all operators when None."""
    rows = Order.objects.filter(late(at)).order_by("moved_at", "pk")
    if operator_ids is not None:
        rows = rows.filter(operator_id__in=list(operator_ids))
    return [
        StuckOrder(
            row.number,
            row.operator_id,
            row.state,
            row.payment_state,
            row.moved_at,
            row.review_reason or row.failure_reason,
        )
        for row in rows[:STUCK_MAX]
    ]
