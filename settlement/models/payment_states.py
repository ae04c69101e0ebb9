"""The payment's state table (design page 4.2): the only place that knows its moves.

AUTHORIZING → REQUIRES_ACTION? → AUTHORIZED → CAPTURING → CAPTURED; exits RELEASED,
DECLINED, RECEIVABLE; later PARTLY_REFUNDED, REFUNDED, DISPUTED. An order without
any payment has the state NONE and no row here.
"""

from typing import Final

from django.db import models

from cpms.kernel.state_table import StateTable


class PaymentState(models.TextChoices):
    """Where a payment stands."""

    AUTHORIZING = "AUTHORIZING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    AUTHORIZED = "AUTHORIZED"
    CAPTURING = "CAPTURING"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    DECLINED = "DECLINED"
    RECEIVABLE = "RECEIVABLE"
    PARTLY_REFUNDED = "PARTLY_REFUNDED"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"


_S = PaymentState

PAYMENT_STATES: Final = StateTable(
    "payment",
    {
        _S.AUTHORIZING: (_S.REQUIRES_ACTION, _S.AUTHORIZED, _S.DECLINED, _S.RELEASED),
        _S.REQUIRES_ACTION: (_S.AUTHORIZED, _S.DECLINED, _S.RELEASED),
        _S.AUTHORIZED: (_S.CAPTURING, _S.RELEASED),
        _S.CAPTURING: (_S.CAPTURED, _S.RECEIVABLE),
        _S.CAPTURED: (_S.PARTLY_REFUNDED, _S.REFUNDED, _S.DISPUTED),
        _S.PARTLY_REFUNDED: (_S.REFUNDED, _S.DISPUTED),
        _S.REFUNDED: (_S.DISPUTED,),
        # A dispute that the operator wins gives the state before it back.
        _S.DISPUTED: (_S.CAPTURED, _S.PARTLY_REFUNDED, _S.REFUNDED),
        # The charge went on although no hold stood: the driver owes the operator.
        _S.DECLINED: (_S.RECEIVABLE,),
        _S.RELEASED: (_S.RECEIVABLE,),
        # Collected later, by a payment of its own; or a correction left nothing to owe.
        _S.RECEIVABLE: (_S.CAPTURED, _S.RELEASED),
    },
)

WAITING_STATES: Final = (_S.AUTHORIZING, _S.REQUIRES_ACTION)
"""No answer about the hold yet."""

MONEY_STATES: Final = (_S.CAPTURED, _S.PARTLY_REFUNDED, _S.REFUNDED, _S.DISPUTED)
"""The operator was credited."""
