"""What drivers are told of: facts in the outbox, for mail, push and the app.

Each payload says which order it is about and whose it is; a guest has no account,
only an address. Who delivers them subscribes to the topics.
"""

from typing import Any, Final

from billing.models import Order
from cpms.kernel.ids import sha256_hex
from cpms.outbox import publish

CHARGE_REQUESTED: Final = "ChargeRequested"
"""A vehicle or phone claimed a certificate in the driver's name: the owner hears of
it before energy flows, which is what a relayed claim looks like to its victim."""

CHARGE_STARTED: Final = "ChargeStarted"
CHARGE_STOPPED: Final = "ChargeStopped"
IDLE_FEE_SOON: Final = "IdleFeeSoon"
"""The charge ended, the vehicle is still plugged in, and that will cost."""

RECEIPT_READY: Final = "ReceiptReady"
RECEIPT_CORRECTED: Final = "ReceiptCorrected"
"""Late facts changed the bill: ``receipt_id`` of the new receipt, ``amount_minor`` of
it, ``difference_minor`` to the one before, ``pay_url`` when something is to be paid."""

CORRECTION_WAITS: Final = "CorrectionWaits"
"""For the operator: late facts would change a bill, and a person must decide."""

PAYMENT_FAILED: Final = "PaymentFailed"
"""No hold, or a debt is left; ``pay_url`` where it can be paid."""

TOPICS: Final = (
    CHARGE_REQUESTED,
    CHARGE_STARTED,
    CHARGE_STOPPED,
    IDLE_FEE_SOON,
    RECEIPT_READY,
    RECEIPT_CORRECTED,
    PAYMENT_FAILED,
)


def tell(topic: str, order: Order, **more: Any) -> None:
    """Publish a notice in the caller's database transaction."""
    publish(
        topic,
        operator_id=order.operator_id,
        key=f"notice {sha256_hex(order.number)[:16]}",
        payload={
            "order_number": order.number,
            "driver_id": order.driver_id,
            "vehicle_id": order.vehicle_id,
            "email": order.contact_email or None,
            "language": order.language or None,
            "charge_point": order.charge_point,
            "evse": order.evse,
            "connector": order.connector,
            "currency": order.currency,
            "state": order.state,
            "payment_state": order.payment_state,
            **more,
        },
    )
