"""Which of the saved payment methods a driver's charges use, and removing one."""

from datetime import datetime

from django.db import transaction

from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from settlement.models import DriverPaymentMethod


def _alike(driver_id: int, payment_method_id: int) -> "list[DriverPaymentMethod]":
    """The methods that work where this one does, newest first; the driver is locked.

    Those for every operator have one default, and those that an operator with a key of
    its own knows have another. Empty when the driver has no such method.
    """
    Driver.objects.select_for_update().get(pk=driver_id)
    rows = DriverPaymentMethod.objects.filter(
        driver_id=driver_id, removed_at__isnull=True
    )
    chosen = rows.filter(pk=payment_method_id).first()
    if chosen is None:
        return []
    alike = rows.filter(operator_account=chosen.operator_account)
    return list(alike.order_by("-pk"))


def _prefer(rows: list[DriverPaymentMethod], chosen: DriverPaymentMethod) -> None:
    ids = [row.pk for row in rows]
    DriverPaymentMethod.objects.filter(pk__in=ids, is_default=True).update(
        is_default=False
    )
    DriverPaymentMethod.objects.filter(pk=chosen.pk).update(is_default=True)


@transaction.atomic
def make_default(*, driver_id: int, payment_method_id: int) -> bool:
    """Use this method from now on; False when the driver has no such method.

    A method of one operator is preferred there and changes nothing elsewhere.
    """
    with acting_as_platform("a driver's own payment methods"):
        rows = _alike(driver_id, payment_method_id)
        chosen = next((row for row in rows if row.pk == payment_method_id), None)
        if chosen is None:
            return False
        _prefer(rows, chosen)
        return True


@transaction.atomic
def remove(*, driver_id: int, payment_method_id: int, at: datetime) -> bool:
    """Use this method no more; the newest that works alike takes its place.

    A running charge keeps the hold that it has. Removing it again changes nothing.

    Returns:
        Whether the driver has a method left.
    """
    with acting_as_platform("a driver's own payment methods"):
        rows = _alike(driver_id, payment_method_id)
        DriverPaymentMethod.objects.filter(
            pk=payment_method_id, driver_id=driver_id, removed_at__isnull=True
        ).update(is_default=False, removed_at=at)
        left = [row for row in rows if row.pk != payment_method_id]
        if left and not any(row.is_default for row in left):
            _prefer(left, left[0])
        return DriverPaymentMethod.objects.filter(
            driver_id=driver_id, removed_at__isnull=True
        ).exists()
