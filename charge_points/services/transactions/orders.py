"""Tying a charge to the order that billing made for it."""

from datetime import datetime

from django.db import transaction

from charge_points.models import Transaction
from cpms.kernel.errors import DomainError


class UnableToAttachOrder(DomainError):
    """There is no such transaction, or it belongs to a live order."""

    http_status = 404


@transaction.atomic
def attach_order(*, transaction_id: int, order_number: str, at: datetime) -> None:
    """Give a charge its order (token and offline starts: the order comes after it).

    An order that failed before its late start was told is replaced; the same order
    again changes nothing.

    Args:
        transaction_id: the charge.
        order_number: the order.
        at: now, for the record of the charge.

    Raises:
        UnableToAttachOrder: unknown transaction.
    """
    row = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(pk=transaction_id)
        .first()
    )
    if row is None:
        raise UnableToAttachOrder(
            "unknown_transaction", f"There is no transaction {transaction_id}."
        )
    if row.order_number == order_number:
        return
    row.order_number = order_number
    if row.announced_at is None:
        row.announced_at = at
    row.save(update_fields=["order_number", "announced_at"])
