"""Remote starts and stops by the operator of the station (a hotline, its own fleet).

They cost nobody else anything: an operator can start for its own tokens only, or for
nobody, and no card is asked. What the charge costs is owed to the operator, who sends
a pay link, collects it, or lets it go. A driver with an account starts by itself.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.models import Order
from billing.models.order import StartedBy
from billing.services import moves, ordering
from billing.services.placing import Origin, place
from billing.services.tariff_choice import TokenType
from billing.services.terms import Buyer
from charge_points.queries import token_account
from cpms.kernel.ids import new_order_number

TOKEN_CHARS_MAX: Final = 36


@transaction.atomic
def start(
    *,
    operator_ids: Collection[int],
    target: ordering.Target,
    id_token: str,
    by: str,
    at: datetime,
) -> Order:
    """Start a charge at an own connector, on the operator's own account.

    Args:
        operator_ids: whose stations the caller may start.
        target: the connector.
        id_token: an own token, for its group's tariff and the record; empty: none.
        by: who asks.
        at: now.

    Raises:
        UnableToStart: not an own connector (as unknown), offline, or the token is a
            driver's or unknown.
        UnableToPlaceOrder, UnableToFindTariff, UnableToResolvePayee, UnableToReserve.
    """
    view = ordering.find_connector(target)
    if view.operator_id not in operator_ids:
        raise ordering.UnableToStart(
            "unknown_connector",
            "There is no such connector; check the code on the label.",
            http_status=404,
        )
    ordering.require_online(view)
    group = ""
    if id_token:
        account = token_account(id_token, operator_id=view.operator_id)
        if account is None or account.driver_id is not None:
            raise ordering.UnableToStart(
                "token_not_own",
                "Only a token of the operator's own can be started for; a driver's "
                "account is charged by the driver alone.",
                http_status=403,
            )
        group = account.group
    origin = Origin(
        StartedBy.OPERATOR,
        id_token=id_token,
        token_group=group,
        token_type=TokenType.RFID if id_token else TokenType.OTHER,
        actor=by[:120],
    )
    buyer = Buyer(None, unsecured=True)
    return place(view, buyer, origin, number=new_order_number(), at=at)


@transaction.atomic
def stop(*, operator_ids: Collection[int], number: str, by: str, at: datetime) -> Order:
    """Stop a charge at an own station, whoever started it.

    Raises:
        UnableToFindOrder: not an order of these operators.
        UnableToStop: it has ended.
    """
    order = moves.lock(number)
    if order is None or order.operator_id not in operator_ids:
        raise ordering.UnableToFindOrder(
            "unknown_order", "There is no order with this number."
        )
    ordering.stop(order, actor=by, at=at)
    return order
