"""Several drivers of one vehicle, who pays for it, and how it changes hands.

The caller's right is checked here; the rows of both drivers are reached in the
platform's scope.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from cpms.accounts.models import Driver, Vehicle, VehicleShare, VehicleTransfer
from cpms.accounts.services import audit
from cpms.accounts.services.vehicles import (
    UnableToFindVehicle,
    own,
    require_room,
)
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex

SHARES_MAX: Final = 20
TRANSFER_LIFETIME: Final = timedelta(days=2)
CODE_BITS: Final = 128


class UnableToShare(DomainError):
    """The vehicle cannot be shared with this account."""


class UnableToTransfer(DomainError):
    """The code hands nothing over; unknown, used and expired look alike."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class Offered:
    """A code that hands a vehicle over, shown once."""

    code: str
    expires_at: datetime


def share(*, driver_id: int, vehicle_id: int, email: str, at: datetime) -> int:
    """Let another account see a vehicle and take over its charges.

    Returns:
        The other driver's id.

    Raises:
        UnableToFindVehicle: not the owner's.
        UnableToShare: no such account, the owner's own, or too many.
    """
    with acting_as_platform("an owner shares a vehicle"):
        vehicle = own(driver_id=driver_id, vehicle_id=vehicle_id)
        other = Driver.objects.filter(email=email.lower()).first()
        if other is None or other.pk == driver_id:
            raise UnableToShare(
                "unknown_driver", "There is no other account with this address."
            )
        if vehicle.shares.count() >= SHARES_MAX:
            raise UnableToShare(
                "too_many_shares", f"A vehicle has at most {SHARES_MAX} more drivers."
            )
        VehicleShare.objects.get_or_create(
            vehicle=vehicle, driver=other, defaults={"shared_at": at}
        )
        return other.pk


def unshare(*, driver_id: int, vehicle_id: int, other_id: int) -> bool:
    """End a share: the owner for anybody, a further driver for itself.

    Whoever paid for the vehicle pays no more; the owner does again.
    """
    with acting_as_platform("a share ends"):
        shares = VehicleShare.objects.filter(vehicle_id=vehicle_id, driver_id=other_id)
        if driver_id != other_id:
            shares = shares.filter(vehicle__driver_id=driver_id)
        ended, _ = shares.delete()
        if ended:
            Vehicle.objects.filter(pk=vehicle_id, payer_id=other_id).update(payer=None)
        return bool(ended)


def take_over(*, driver_id: int, vehicle_id: int) -> Vehicle:
    """A further driver pays for the vehicle's charges from now on, by its own wish.

    Raises:
        UnableToFindVehicle: the vehicle is not shared with this driver.
    """
    with acting_as_platform("a further driver takes over the payment"):
        share_row = VehicleShare.objects.filter(
            vehicle_id=vehicle_id,
            driver_id=driver_id,
            vehicle__status=Vehicle.Status.ACTIVE,
        ).select_related("vehicle")
        found = share_row.first()
        if found is None:
            raise UnableToFindVehicle(
                "unknown_vehicle", "No vehicle with this id is shared with you."
            )
        Vehicle.objects.filter(pk=vehicle_id).update(payer_id=driver_id)
        found.vehicle.refresh_from_db()
        return found.vehicle


def give_back(*, driver_id: int, vehicle_id: int) -> bool:
    """The owner pays again: wished by the owner, or by who paid."""
    with acting_as_platform("the owner pays again"):
        rows = Vehicle.objects.filter(pk=vehicle_id, payer_id__isnull=False)
        mine = rows.filter(payer_id=driver_id) | rows.filter(driver_id=driver_id)
        return bool(mine.update(payer=None))


def shared_with(driver_id: int) -> list[Vehicle]:
    """Vehicles of others that this driver may use."""
    with acting_as_platform("vehicles shared with a driver"):
        rows = Vehicle.objects.filter(
            shares__driver_id=driver_id, status=Vehicle.Status.ACTIVE
        )
        return list(rows.order_by("pk"))


def drivers_of(*, driver_id: int, vehicle_id: int) -> list[tuple[int, str, datetime]]:
    """The further drivers of an own vehicle: id, address, since when."""
    with acting_as_platform("further drivers of an own vehicle"):
        rows = VehicleShare.objects.filter(
            vehicle_id=vehicle_id, vehicle__driver_id=driver_id
        ).select_related("driver")
        return [(row.driver_id, row.driver.email, row.shared_at) for row in rows]


def offer_transfer(*, driver_id: int, vehicle_id: int, at: datetime) -> Offered:
    """Make the code that hands an own vehicle over; an earlier one ends.

    Raises:
        UnableToFindVehicle: not the owner's.
    """
    code = new_secret(bits=CODE_BITS)
    with acting_as_platform("an owner hands a vehicle over"):
        vehicle = own(driver_id=driver_id, vehicle_id=vehicle_id)
        VehicleTransfer.objects.filter(vehicle=vehicle, taken_at=None).delete()
        row = VehicleTransfer.objects.create(
            vehicle=vehicle,
            driver_id=driver_id,
            code_hash=sha256_hex(code),
            created_at=at,
            expires_at=at + TRANSFER_LIFETIME,
        )
    return Offered(code, row.expires_at)


@transaction.atomic
def accept_transfer(*, driver_id: int, code: str, label: str, at: datetime) -> Vehicle:
    """Take a vehicle over: the former owner's enrolment ends, a new one begins.

    Shares, payer and caps do not come along; past orders stay the former owner's.

    Raises:
        UnableToTransfer: transfer_code_invalid.
        UnableToEnrolVehicle: the account is full.
    """
    with acting_as_platform("a vehicle changes hands"):
        offer = (
            VehicleTransfer.objects.select_for_update()
            .filter(code_hash=sha256_hex(code), taken_at=None, expires_at__gt=at)
            .first()
        )
        if offer is None:
            raise _no_transfer()
        old = Vehicle.objects.select_for_update().get(pk=offer.vehicle_id)
        if old.status != Vehicle.Status.ACTIVE or old.driver_id == driver_id:
            raise _no_transfer()
        require_room(driver_id)
        offer.taken_at = at
        offer.save(update_fields=["taken_at"])
        old.status, old.revoked_at, old.payer = Vehicle.Status.REVOKED, at, None
        old.save(update_fields=["status", "revoked_at", "payer"])
        VehicleShare.objects.filter(vehicle=old).delete()
        new = Vehicle.objects.create(
            driver_id=driver_id,
            label=label,
            fingerprint=old.fingerprint,
            public_key_pem=old.public_key_pem,
            certificate_pem=old.certificate_pem,
            chain_pem=old.chain_pem,
            certificate_expires_at=old.certificate_expires_at,
            key_proved=old.key_proved,
            enrolled_at=at,
        )
        audit.record(
            operator_id=None,
            actor=f"driver {driver_id}",
            action="vehicle.transferred",
            object=f"vehicle {old.pk}",
            changes={"from": old.driver_id, "to": driver_id, "as": new.pk},
            at=at,
        )
        return new


def _no_transfer() -> UnableToTransfer:
    return UnableToTransfer(
        "transfer_code_invalid",
        "This code hands nothing over; ask the owner for a new one.",
    )
