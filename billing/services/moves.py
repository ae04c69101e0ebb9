"""Moving orders through their state table, each move with its audit row."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from billing.models import Order, OrderMove
from billing.models.order_states import ORDER_STATES, PaymentState


@dataclass(frozen=True)
class Cause:
    """Why something moved, who did it, and when."""

    text: str
    actor: str
    at: datetime


def _audit(order: Order, *, before: str, after: str, cause: Cause) -> None:
    OrderMove.objects.create(
        operator_id=order.operator_id,
        order=order,
        from_state=before,
        to_state=after,
        cause=cause.text[:300],
        actor=cause.actor,
        at=cause.at,
    )


def created(order: Order, *, cause: Cause) -> None:
    """Write the first audit row of a new order."""
    _audit(order, before="", after=order.state, cause=cause)


def note(order: Order, *, cause: Cause) -> None:
    """Write an audit row of something that left the order in its state."""
    _audit(order, before=order.state, after=order.state, cause=cause)


def move(order: Order, to: str, *, cause: Cause) -> None:
    """Move an order that the caller holds locked; the caller saves other fields.

    Raises:
        IllegalMove: the table has no such move; nothing was changed.
    """
    ORDER_STATES.require(order.state, to)
    before, order.state, order.moved_at = order.state, to, cause.at
    order.save()
    _audit(order, before=before, after=to, cause=cause)


def follow_payment(order: Order, to: str, *, cause: Cause) -> None:
    """Mirror the state of the payment; the same one again changes nothing.

    Settlement's own table guards its moves; this only follows it, so that an order
    can be read without asking another room.
    """
    if order.payment_state == to:
        return
    before, order.payment_state = order.payment_state, PaymentState(to)
    order.save()
    _audit(order, before=f"payment {before}", after=f"payment {to}", cause=cause)


def lock(number: str) -> Order | None:
    """The order with this number, locked until the database transaction ends."""
    return Order.objects.select_for_update().filter(number=number).first()


def lock_many(
    numbers: Collection[str], *, transaction_ids: Collection[int] = ()
) -> list[Order]:
    """The orders with these numbers or of these charges, locked.

    Whoever locks several does it by this: by operator and in one order, so that no
    two workers wait for each other.
    """
    wanted = Q(number__in=numbers) | Q(transaction_id__in=transaction_ids)
    rows = Order.objects.select_for_update().filter(wanted)
    return list(rows.order_by("operator_id", "pk"))
