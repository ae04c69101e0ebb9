"""Deleting an account (GDPR, article 17).

Charges and receipts stay, for the law demands them for years, but they name nobody
any more: the driver's row keeps no address, and no key and no card.
"""

from datetime import datetime

from django.db import transaction

from billing.models import Order
from billing.models.order_states import LIVE_STATES
from billing.services import contracts, driver_groups, paying
from cpms.accounts.models import Driver, DriverToken, Vehicle, VehicleShare
from cpms.accounts.services import audit
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from cpms.notifications.models import DriverNotificationSettings
from settlement.services import method_choices, methods

UNPAID = ("RECEIVABLE", "CAPTURING", "AUTHORIZED", "AUTHORIZING", "REQUIRES_ACTION")


class UnableToDeleteAccount(DomainError):
    """Something is still running or unpaid."""


@transaction.atomic
def delete_account(*, driver_id: int, at: datetime) -> None:
    """Take the person out of an account and close it.

    Raises:
        UnableToDeleteAccount: charge_running or charge_unpaid.
    """
    with acting_as_platform("a driver deletes the own account"):
        driver = (
            Driver.objects.select_for_update(of=("self",))
            .select_related("user")
            .get(pk=driver_id)
        )
        _require_settled(driver)
        for card in methods.list_for(driver_id):
            method_choices.remove(driver_id=driver_id, payment_method_id=card.id, at=at)
        paying.set_can_pay(driver_id, can_pay=False, at=at)
        Vehicle.objects.filter(
            driver_id=driver_id, status=Vehicle.Status.ACTIVE
        ).update(status=Vehicle.Status.REVOKED, revoked_at=at)
        Vehicle.objects.filter(payer_id=driver_id).update(payer=None)
        Vehicle.objects.filter(driver_id=driver_id).update(label="–")
        VehicleShare.objects.filter(driver_id=driver_id).delete()
        DriverNotificationSettings.objects.filter(driver_id=driver_id).delete()
        DriverToken.objects.filter(driver_id=driver_id).delete()
        contracts.cancel_all(driver_id=driver_id, by=f"driver {driver_id}", at=at)
        driver_groups.forget_driver(driver_id)
        nobody = f"deleted-{driver_id}@deleted.invalid"
        Driver.objects.filter(pk=driver_id).update(
            email=nobody, cap_minor=None, day_cap_minor=None, month_cap_minor=None
        )
        user = driver.user
        user.email, user.first_name, user.last_name = nobody, "", ""
        user.is_active = user.is_staff
        user.set_unusable_password()
        user.save()
        audit.record(
            operator_id=None,
            actor=f"driver {driver_id}",
            action="deleted",
            object=f"driver {driver_id}",
            changes={},
            at=at,
        )


def _require_settled(driver: Driver) -> None:
    orders = Order.objects.filter(driver_id=driver.pk)
    if orders.filter(state__in=[*LIVE_STATES, "FINISHED", "REVIEW", "RATED"]).exists():
        raise UnableToDeleteAccount(
            "charge_running", "A charge is not finished; wait until it has its receipt."
        )
    if orders.filter(payment_state__in=UNPAID).exists():
        raise UnableToDeleteAccount(
            "charge_unpaid", "A charge is not paid; pay it first."
        )
    if driver.user.is_staff:
        raise UnableToDeleteAccount(
            "staff_account", "The account works for an operator; its owner ends that."
        )
