"""Receipts: gap-free numbers per operator, everything the driver must see."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F

from billing.models import Cdr, Order, Receipt, ReceiptCounter
from charge_points.queries import charging_session
from cpms.accounts.models import Operator


def _next_number(operator_id: int) -> int:
    """The next number; the row stays locked until the database transaction ends.

    A rolled back receipt gives its number back, so there are no gaps.
    """
    ReceiptCounter.objects.get_or_create(operator_id=operator_id)
    ReceiptCounter.objects.filter(operator_id=operator_id).update(last=F("last") + 1)
    return ReceiptCounter.objects.get(operator_id=operator_id).last


def issue(order: Order, *, at: datetime) -> Receipt | None:
    """Write the receipt of a closed order; a second call returns the first one.

    Returns:
        None for an order that was never priced.
    """
    existing = Receipt.objects.filter(order=order).first()
    cdr = order.cdrs.filter(credits=None).order_by("-sequence").first()
    if existing is not None or cdr is None:
        return existing
    return Receipt.objects.create(
        operator_id=order.operator_id,
        order=order,
        cdr=cdr,
        number=_next_number(order.operator_id),
        body=_body(order, cdr),
        issued_at=at,
    )


def _body(order: Order, cdr: Cdr) -> dict[str, Any]:
    facts = charging_session(order.transaction_id or 0)
    operator = Operator.objects.get(pk=order.operator_id)
    return {
        "order": order.number,
        "operator": operator.name,
        "charge_point": order.charge_point,
        "evse": order.evse,
        "connector": order.connector,
        "started_at": order.started_at.isoformat() if order.started_at else None,
        "ended_at": order.ended_at.isoformat() if order.ended_at else None,
        "energy_wh": cdr.energy_wh,
        "meter_begin_wh": _register(facts.meter_start_wh) if facts else None,
        "meter_end_wh": _register(facts.meter_stop_wh) if facts else None,
        "estimated": facts.estimated if facts else False,
        "lines": cdr.lines,
        "currency": cdr.currency,
        "taxes": cdr.taxes,
        "before_taxes_minor": sum(row["before_taxes_minor"] for row in cdr.taxes),
        "amount_minor": cdr.amount_minor,
        "rounding_policy": cdr.rounding_policy,
        "payment_state": order.payment_state,
        "signed_values": list(facts.signed_values) if facts else [],
    }


def _register(value_wh: Decimal | None) -> str | None:
    """The meter's register as it stood, exact: decimals are strings in JSON."""
    return None if value_wh is None else f"{value_wh:f}"
