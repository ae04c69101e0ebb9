"""The order's state table (design page 4.2): the only place that knows its moves.

CREATED → STARTING → CHARGING → FINISHED → RATED → CLOSED; exits CANCELLED (nothing
drawn), FAILED, REVIEW (back to FINISHED after a decision). Certificate, API and
guest starts enter at CREATED and need an authorised payment before STARTING; token
and offline starts enter at CHARGING.
"""

from typing import Final

from django.db import models

from cpms.kernel.state_table import StateTable


class OrderState(models.TextChoices):
    """Where an order stands."""

    CREATED = "CREATED"
    STARTING = "STARTING"
    CHARGING = "CHARGING"
    FINISHED = "FINISHED"
    REVIEW = "REVIEW"
    RATED = "RATED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class PaymentState(models.TextChoices):
    """The order's mirror of its payment; settlement owns the truth."""

    NONE = "NONE"
    AUTHORIZING = "AUTHORIZING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    AUTHORIZED = "AUTHORIZED"
    CAPTURING = "CAPTURING"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    DECLINED = "DECLINED"
    RECEIVABLE = "RECEIVABLE"
    ON_STATEMENT = "ON_STATEMENT"
    PARTLY_REFUNDED = "PARTLY_REFUNDED"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"


_S = OrderState

ORDER_STATES: Final = StateTable(
    "order",
    {
        _S.CREATED: (_S.STARTING, _S.CANCELLED, _S.FAILED),
        # A link lost after the start may bring Started and Ended together.
        _S.STARTING: (_S.CHARGING, _S.CANCELLED, _S.FAILED),
        _S.CHARGING: (_S.FINISHED, _S.REVIEW),
        _S.FINISHED: (_S.RATED, _S.REVIEW),
        _S.REVIEW: (_S.FINISHED,),
        _S.RATED: (_S.CLOSED,),
        _S.CLOSED: (),
        _S.CANCELLED: (),
        _S.FAILED: (),
    },
)

LIVE_STATES: Final = (
    OrderState.CREATED,
    OrderState.STARTING,
    OrderState.CHARGING,
)
"""While in one of these an order holds its connector."""
