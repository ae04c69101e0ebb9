"""Groups of drivers to whom an operator sells at tariffs of their own."""

from datetime import datetime

from django.db import transaction

from billing.models import DriverGroup, DriverGroupMember
from cpms.accounts.models import Driver
from cpms.accounts.services.audit import record
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError


class UnableToGroupDriver(DomainError):
    """The driver cannot be added to the group."""

    http_status = 422


@transaction.atomic
def add_driver(
    *, group: DriverGroup, email: str, by: str, at: datetime
) -> DriverGroupMember:
    """Put a driver's account into a group; adding twice changes nothing.

    Args:
        group: whose tariffs it shall get.
        email: of the account; an operator sees no accounts but those that it names.
        by: who adds it.
        at: now.

    Raises:
        UnableToGroupDriver: there is no account with this address.
    """
    with acting_as_platform("an operator names an account by its address"):
        driver = Driver.objects.filter(email__iexact=email.strip()).first()
    if driver is None:
        raise UnableToGroupDriver(
            "unknown_driver",
            f"No driver's account has the address {email!r}. Ask the driver for the "
            "address of the account, or to sign up first.",
        )
    member, created = DriverGroupMember.objects.get_or_create(
        group=group,
        driver_id=driver.pk,
        defaults={
            "operator_id": group.operator_id,
            "email": email.strip(),
            "added_at": at,
        },
    )
    if created:
        _audit(member, "driver_group.driver_added", by=by, at=at)
    return member


@transaction.atomic
def remove_driver(member: DriverGroupMember, *, by: str, at: datetime) -> None:
    """Take an account out of a group; charges that run keep their tariff."""
    _audit(member, "driver_group.driver_removed", by=by, at=at)
    member.delete()


def forget_driver(driver_id: int) -> None:
    """An account is deleted: no group may go on naming it."""
    DriverGroupMember.objects.filter(driver_id=driver_id).delete()


def _audit(member: DriverGroupMember, action: str, *, by: str, at: datetime) -> None:
    record(
        operator_id=member.operator_id,
        actor=by,
        action=action,
        object=f"driver group {member.group.code}",
        changes={"driver_id": member.driver_id},
        at=at,
    )
