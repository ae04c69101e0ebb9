"""Everything that is kept about a driver, to take away (GDPR, articles 15 and 20)."""

from typing import Any

from billing.models import CreditNote, Order, Receipt
from cpms.accounts.models import Driver, Vehicle
from cpms.accounts.tenancy import acting_as_platform
from settlement.services import methods

_ORDER = (
    *("number", "state", "payment_state", "started_by", "charge_point", "evse"),
    *("connector", "currency", "hold_minor", "energy_wh", "amount_minor"),
    *("created_at", "started_at", "ended_at", "unplugged_at"),
)
_CREDIT_NOTE = (
    *("order__number", "receipt__number", "number", "amount_minor", "currency"),
    *("taxes", "reason", "issued_at"),
)
_VEHICLE = (
    *("label", "fingerprint", "status", "public_key_pem", "certificate_pem"),
    *("enrolled_at", "revoked_at"),
)


def data_of(driver: Driver) -> dict[str, Any]:
    """The account, its vehicles, payment methods, charges and receipts."""
    cards = methods.list_for(driver.pk)
    with acting_as_platform("a driver's own data, over all operators"):
        orders = Order.objects.filter(driver_id=driver.pk).order_by("pk")
        receipts = Receipt.objects.filter(order__driver_id=driver.pk).order_by("pk")
        return {
            "account": {
                "email": driver.email,
                "language": driver.locale,
                "cap_minor": driver.cap_minor,
                "cap_currency": driver.cap_currency,
                "created_at": driver.created_at,
            },
            "vehicles": list(
                Vehicle.objects.filter(driver_id=driver.pk)
                .order_by("pk")
                .values(*_VEHICLE)
            ),
            "payment_methods": [
                {
                    "brand": card.brand,
                    "last4": card.last4,
                    "default": card.is_default,
                    "operator": card.operator.name if card.operator else None,
                }
                for card in cards
            ],
            "charges": list(orders.values("operator__name", *_ORDER)),
            "receipts": [
                {**row.body, "number": row.number, "issued_at": row.issued_at}
                for row in receipts
            ],
            "credit_notes": list(
                CreditNote.objects.filter(order__driver_id=driver.pk)
                .order_by("pk")
                .values(*_CREDIT_NOTE)
            ),
        }
