"""Receipts: gap-free numbers per operator, everything the driver must see."""

from datetime import datetime
from typing import Any, Final

from django.db import connection

from billing.models import Cdr, Order, Receipt

_NEXT: Final = """
INSERT INTO billing_receiptcounter AS counter (operator_id, last) VALUES (%s, 1)
ON CONFLICT (operator_id) DO UPDATE SET last = counter.last + 1
RETURNING counter.last
"""


def _next_number(operator_id: int) -> int:
    """The next number; the row stays locked until the database transaction ends.

    A rolled back receipt gives its number back, so there are no gaps.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [operator_id])
        return int(cursor.fetchone()[0])


def latest(order: Order) -> Receipt | None:
    """The receipt that holds; those before it were corrected."""
    return order.receipts.order_by("-pk").first()


def issue(order: Order, *, at: datetime) -> Receipt | None:
    """Write the receipt of a closed order; a second call returns the one that holds.

    Returns:
        None for an order that was never priced.
    """
    existing = latest(order)
    cdr = order.cdrs.filter(credits=None).order_by("-sequence").first()
    if existing is not None or cdr is None:
        return existing
    return _write(order, cdr, corrects=None, at=at)


def replace(
    receipt: Receipt, cdr: Cdr, *, difference_minor: int, at: datetime
) -> Receipt:
    """Write the receipt that takes the place of one whose bill was corrected.

    It says which one, and how much goes back to the driver (< 0) or is asked of it.
    """
    more = {"corrects": receipt.number, "difference_minor": difference_minor}
    return _write(cdr.order, cdr, corrects=receipt, at=at, more=more)


def _write(
    order: Order,
    cdr: Cdr,
    *,
    corrects: Receipt | None,
    at: datetime,
    more: dict[str, Any] | None = None,
) -> Receipt:
    return Receipt.objects.create(
        operator_id=order.operator_id,
        order=order,
        cdr=cdr,
        corrects=corrects,
        number=_next_number(order.operator_id),
        body=_body(order, cdr) | (more or {}),
        issued_at=at,
    )


def _body(order: Order, cdr: Cdr) -> dict[str, Any]:
    return {
        "order": order.number,
        "operator": order.operator.name,
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
