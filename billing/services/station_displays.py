"""What drivers read at the station itself: their price, the cost so far, the bill.

Stations show it where they can; a display that cannot be told never holds up a charge
or its bill. What a charge costs so far is told by ``running_costs``.
"""

from datetime import datetime

from billing.models import Order
from billing.pricing import describe, parse_tariff, total_words
from charge_points.services import tariff_texts
from cpms.accounts.models import Driver


def show_price(
    order: Order, *, charge_point_id: int, id_token: str, at: datetime
) -> bool:
    """Show the price of an order that has just begun, where a token began it.

    Returns:
        Whether the station was asked to show it.
    """
    if not id_token:
        return False
    return tariff_texts.put_user_price(
        charge_point_id=charge_point_id,
        id_token=id_token,
        text=describe(parse_tariff(order.tariff), _language(order)),
        key=order.number,
        at=at,
    )


def show_bill(order: Order, *, at: datetime) -> bool:
    """Show what an order cost in the end, once it is priced.

    Returns:
        Whether the station was asked to show it.
    """
    if order.transaction_id is None or order.amount_minor is None:
        return False
    return tariff_texts.put_final_cost(
        transaction_id=order.transaction_id,
        total_minor=order.amount_minor,
        currency=order.currency,
        text=total_words(order.amount_minor, order.currency, _language(order)),
        # The next person at the station reads the display too: no link to a receipt.
        receipt_url="",
        at=at,
    )


def _language(order: Order) -> str:
    """The driver's; a guest's as they chose it; else the operator's own.

    Where a member decides about a charge, its driver's account is out of sight: the
    station speaks the operator's language then.
    """
    known: str | None = None
    if order.driver_id is not None:
        rows = Driver.objects.filter(pk=order.driver_id)
        known = rows.values_list("locale", flat=True).first()
    return known or order.language or order.operator.default_language
