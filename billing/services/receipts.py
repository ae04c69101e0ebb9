"""Receipts: gap-free numbers per operator, everything the driver must see.

Numbers without gaps are drawn from a row that stays locked until the database
transaction ends, so every other receipt of the operator waits for it. What closes
many orders at once draws its numbers last (``numbered_last``): the row is held for as
long as receipts are written, not for as long as charges are priced, and batches that
hold numbers of several operators draw them in one order.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from django.db import connection

from billing.models import Cdr, Order, Receipt
from billing.models.order_states import OrderState

_NEXT: Final = """
INSERT INTO billing_receiptcounter AS counter (operator_id, last)
VALUES (%(operator)s, %(many)s)
ON CONFLICT (operator_id) DO UPDATE SET last = counter.last + excluded.last
RETURNING counter.last
"""

_Waiting = dict[int, tuple[Order, datetime]]
"""Order id -> the closed order, and when."""

_waiting: ContextVar[_Waiting | None] = ContextVar("receipts_waiting", default=None)


@contextmanager
def numbered_last() -> Iterator[None]:
    """Write the receipts of orders that are closed inside at the end of it.

    It belongs into the database transaction that closes them: an error inside, or
    while they are written, takes everything back.
    """
    if _waiting.get() is not None:
        yield
        return
    token = _waiting.set({})
    try:
        yield
        _write_waiting()
    finally:
        _waiting.reset(token)


def _write_waiting() -> None:
    waiting = _waiting.get() or {}
    by_operator: dict[int, list[tuple[Order, datetime]]] = {}
    for order, at in waiting.values():
        by_operator.setdefault(order.operator_id, []).append((order, at))
    waiting.clear()
    for operator_id in sorted(by_operator):
        _write_many(operator_id, by_operator[operator_id])


def _next_numbers(operator_id: int, many: int) -> range:
    """The next numbers; the row stays locked until the database transaction ends.

    A rolled back receipt gives its number back, so there are no gaps.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, {"operator": operator_id, "many": many})
        last = int(cursor.fetchone()[0])
    return range(last - many + 1, last + 1)


def latest(order: Order) -> Receipt | None:
    """The receipt that holds; those before it were corrected."""
    if order.pk in (_waiting.get() or {}):
        _write_waiting()
    return order.receipts.order_by("-pk").first()


def issue_of_closed(order: Order, *, at: datetime) -> None:
    """Write the receipt of an order that was closed now, or at the end of the batch."""
    waiting = _waiting.get()
    if waiting is None:
        issue(order, at=at)
    else:
        waiting[order.pk] = (order, at)


def issue(order: Order, *, at: datetime) -> Receipt | None:
    """Write the receipt of a closed order; a second call returns the one that holds.

    Returns:
        None for an order that was never priced.
    """
    existing = latest(order)
    if existing is not None:
        return existing
    written = _write_many(order.operator_id, [(order, at)])
    return written[0] if written else None


def _write_many(
    operator_id: int, closed: Sequence[tuple[Order, datetime]]
) -> list[Receipt]:
    """First receipts of closed orders of one operator, as far as they were priced."""
    ids = [order.pk for order, _ in closed]
    priced = Cdr.objects.filter(
        order__in=ids,
        order__state=OrderState.CLOSED,
        order__receipts=None,
        credits=None,
    )
    # The last one of each order stays.
    cdrs = {cdr.order_id: cdr for cdr in priced.order_by("order_id", "sequence")}
    due = [(order, at) for order, at in closed if order.pk in cdrs]
    if not due:
        return []
    numbers = _next_numbers(operator_id, len(due))
    operator = due[0][0].operator.name
    return Receipt.objects.bulk_create(
        Receipt(
            operator_id=operator_id,
            order=order,
            cdr=cdrs[order.pk],
            number=number,
            body=_body(order, cdrs[order.pk], operator),
            issued_at=at,
        )
        for number, (order, at) in zip(numbers, due, strict=True)
    )


def replace(
    receipt: Receipt, cdr: Cdr, *, difference_minor: int, at: datetime
) -> Receipt:
    """Write the receipt that takes the place of one whose bill was corrected.

    It says which one, and how much goes back to the driver (< 0) or is asked of it.
    """
    more = {"corrects": receipt.number, "difference_minor": difference_minor}
    order = cdr.order
    return Receipt.objects.create(
        operator_id=order.operator_id,
        order=order,
        cdr=cdr,
        corrects=receipt,
        number=_next_numbers(order.operator_id, 1)[0],
        body=_body(order, cdr, order.operator.name) | more,
        issued_at=at,
    )


def _body(order: Order, cdr: Cdr, operator: str) -> dict[str, Any]:
    return {
        "order": order.number,
        "operator": operator,
        "charge_point": order.charge_point,
        "evse": order.evse,
        "connector": order.connector,
        "started_at": order.started_at.isoformat() if order.started_at else None,
        "ended_at": order.ended_at.isoformat() if order.ended_at else None,
        "energy_wh": cdr.energy_wh,
        **cdr.meter,
        "lines": cdr.lines,
        "currency": cdr.currency,
        "taxes": cdr.taxes,
        "before_taxes_minor": sum(row["before_taxes_minor"] for row in cdr.taxes),
        "amount_minor": cdr.amount_minor,
        "rounding_policy": cdr.rounding_policy,
        "payment_state": order.payment_state,
    }
