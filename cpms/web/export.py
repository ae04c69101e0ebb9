"""Everything that is kept about a driver, to take away (GDPR, articles 15 and 20)."""

from typing import Any

from django.db.models import F

from billing.models import CreditNote, Order, Receipt
from cpms.accounts.models import Contract, Driver, Vehicle, VehicleShare
from cpms.accounts.tenancy import acting_as_platform
from cpms.notifications.models import DriverNotificationSettings
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
    *("charge_cap_minor", "day_cap_minor", "month_cap_minor", "cap_currency"),
    *("enrolled_at", "revoked_at"),
)
_CONTRACT = ("emaid", "label", "state", "registered_at", "cancelled_at")
_MAILS = ("muted", "quiet_from", "quiet_until", "time_zone")


def data_of(driver: Driver) -> dict[str, Any]:
    """The account, what belongs to it, its charges and receipts."""
    cards = methods.list_for(driver.pk)
    with acting_as_platform("a driver's own data, over all operators"):
        orders = Order.objects.filter(driver_id=driver.pk).order_by("pk")
        receipts = Receipt.objects.filter(order__driver_id=driver.pk).order_by("pk")
        return {
            "account": {
                "email": driver.email,
                "language": driver.locale,
                "cap_minor": driver.cap_minor,
                "day_cap_minor": driver.day_cap_minor,
                "month_cap_minor": driver.month_cap_minor,
                "cap_currency": driver.cap_currency,
                "created_at": driver.created_at,
            },
            "vehicles": list(
                Vehicle.objects.filter(driver_id=driver.pk)
                .order_by("pk")
                .values(*_VEHICLE)
            ),
            "shared_vehicles": list(
                VehicleShare.objects.filter(driver_id=driver.pk)
                .order_by("pk")
                .values_list("vehicle__label", flat=True)
            ),
            "contracts": list(
                Contract.objects.filter(driver_id=driver.pk)
                .order_by("pk")
                .values(*_CONTRACT)
            ),
            "mails": DriverNotificationSettings.objects.filter(driver_id=driver.pk)
            .values(*_MAILS)
            .first(),
            "payment_methods": [
                {
                    "brand": card.brand,
                    "last4": card.last4,
                    "default": card.is_default,
                    "operator": card.operator.name if card.operator else None,
                }
                for card in cards
            ],
            "charges": list(orders.values(*_ORDER, operator_name=F("operator__name"))),
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
