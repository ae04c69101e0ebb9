"""An order's whole story for one page: every step with its time and its cause."""

from dataclasses import dataclass
from typing import Any

from billing.models import Order
from billing.pricing import describe, parse_tariff
from charge_points.queries import charging_session
from cpms.kernel.money import format_minor
from settlement.queries import ledger_lines, payment_view, split_lines


@dataclass(frozen=True)
class Story:
    """What the page shows, top to bottom."""

    order: Order
    operator: str
    amount: str
    hold: str
    tariff_text: str
    moves: list[Any]
    session: Any
    price_lines: list[dict[str, Any]]
    payment: Any
    splits: list[Any]
    ledger: list[Any]


def story_of(order: Order) -> Story:
    """Collect the story from the doors of the other rooms."""
    cdr = order.cdrs.order_by("-sequence").first()
    session = charging_session(order.transaction_id) if order.transaction_id else None
    payment = payment_view(order.payment_id) if order.payment_id else None
    amount = order.amount_minor
    return Story(
        order=order,
        operator=order.operator.name,
        amount="" if amount is None else format_minor(amount, order.currency),
        hold=format_minor(order.hold_minor, order.currency),
        tariff_text=describe(parse_tariff(order.tariff)),
        moves=list(order.moves.all()),
        session=session,
        price_lines=cdr.lines if cdr is not None else [],
        payment=payment,
        splits=list(split_lines(order.number)),
        ledger=list(ledger_lines(order.number)),
    )
