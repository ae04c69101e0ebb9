"""A person's decision about a charge: before it is billed, and about its bill."""

from datetime import datetime
from typing import Final

from django.db import transaction

from billing.models import Order
from billing.models.order_states import OrderState
from billing.services import corrections, moves, rating
from billing.services.ordering import UnableToFindOrder
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

ENERGY_WH_MAX: Final = 10_000_000
NOTE_CHARS_MAX: Final = 200


class UnableToDecide(DomainError):
    """The order does not wait for a decision, or the decision makes no sense."""


@transaction.atomic
def decide(
    *, number: str, energy_wh: int | None, note: str, by: str, at: datetime
) -> Order:
    """Decide what energy is billed: the measured one, or another one.

    An order in REVIEW goes on with it. One that is billed already gets a corrected
    bill, when late facts wait for a decision or the energy is stated.

    Args:
        number: of an order in REVIEW, RATED or CLOSED.
        energy_wh: what is to be billed; None: what was measured.
        note: why, for the audit and the driver's questions.
        by: who decides.
        at: now.

    Returns:
        The order; priced, unless its idle phase still runs.

    Raises:
        UnableToFindOrder: there is no such order here.
        UnableToDecide: not_in_review, or energy_invalid.
        UnableToCorrectBill: refund_in_progress.
    """
    order = moves.lock(number)
    if order is None:
        raise UnableToFindOrder("unknown_order", "There is no order with this number.")
    billed = order.state in corrections.BILLED
    asked = order.correction_reason or energy_wh is not None
    if order.state != OrderState.REVIEW and not (billed and asked):
        raise UnableToDecide(
            "not_in_review",
            f"The order is {order.state}; only one in REVIEW waits for a decision, and "
            "of a billed one the energy can be stated.",
        )
    if energy_wh is not None and not 0 <= energy_wh <= ENERGY_WH_MAX:
        raise UnableToDecide(
            "energy_invalid",
            f"{energy_wh} Wh cannot be; state 0 to {ENERGY_WH_MAX}.",
            http_status=422,
        )
    order.decided_energy_wh = energy_wh
    what = "as measured" if energy_wh is None else f"{energy_wh} Wh"
    cause = moves.Cause(f"decided: {what}; {note[:NOTE_CHARS_MAX]}", by, at)
    if not billed:
        moves.move(order, OrderState.FINISHED, cause=cause)
    audit.record(
        operator_id=order.operator_id,
        actor=by,
        action="order.review_decided",
        object=f"order {number}",
        changes={"energy_wh": energy_wh, "note": note[:NOTE_CHARS_MAX]},
        at=at,
    )
    if billed:
        corrections.decide(order, cause=cause)
    else:
        rating.rate_if_complete(order, at=at)
    return order
