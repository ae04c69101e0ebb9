"""Vehicles: enrolment by public key or CSR, revocation.

A CSR is answered with a certificate of the platform's own vehicle CA.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import IntegrityError, transaction

from cpms.accounts.models import Vehicle
from cpms.accounts.services.vehicle_ca import CertificateAuthority
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError

PEM_BYTES_MAX: Final = 8192
VEHICLES_PER_DRIVER_MAX: Final = 50
CERTIFICATE_LIFETIME: Final = timedelta(days=3 * 365)
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


class UnableToEnrolVehicle(DomainError):
    """The key or CSR is unusable, or already enrolled."""

    http_status = 422


class UnableToFindVehicle(DomainError):
    """No such vehicle, or somebody else's: the same words for both."""

    http_status = 404


def fingerprint_of(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo, 64 hexadecimal digits."""
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return digest.finalize().hex()


def checked_key(key: object) -> ec.EllipticCurvePublicKey:
    """A key that proofs may be signed with.

    Raises:
        UnableToEnrolVehicle: vehicle_key_unsupported.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, CURVES
    ):
        raise UnableToEnrolVehicle(
            "vehicle_key_unsupported",
            "The vehicle's key must be an elliptic curve key on P-256, P-384 or P-521.",
        )
    return key


def _key_from_pem(pem: str) -> ec.EllipticCurvePublicKey:
    try:
        return checked_key(serialization.load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnableToEnrolVehicle(
            "vehicle_key_invalid",
            "public_key_pem is not a PEM public key (BEGIN PUBLIC KEY).",
        ) from error


def _csr_from_pem(pem: str) -> x509.CertificateSigningRequest:
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        valid = csr.is_signature_valid
        csr.public_key()  # an unknown curve shows itself only now
    except (
        ValueError,
        UnsupportedAlgorithm,
        InvalidSignature,
        x509.InvalidVersion,
    ) as error:
        raise UnableToEnrolVehicle(
            "csr_invalid", "csr_pem is not a PEM certificate signing request."
        ) from error
    if not valid:
        raise UnableToEnrolVehicle(
            "csr_signature_invalid",
            "The request is not signed by the key that it holds.",
        )
    return csr


@dataclass(frozen=True, slots=True)
class Credential:
    """A vehicle's key and what vouches for it.

    ``proved``: the key itself signed the request, so nobody enrols another's key.
    """

    key: ec.EllipticCurvePublicKey
    certificate_pem: str = ""
    chain_pem: str = ""
    expires_at: datetime | None = None
    proved: bool = False

    @property
    def fingerprint(self) -> str:
        """See ``fingerprint_of``."""
        return fingerprint_of(self.key)

    @property
    def public_key_pem(self) -> str:
        """SubjectPublicKeyInfo, PEM."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()


def credential_of_csr(csr_pem: str, *, at: datetime) -> Credential:
    """Sign a request with the platform's vehicle CA.

    Raises:
        UnableToEnrolVehicle: unusable.
    """
    if len(csr_pem) > PEM_BYTES_MAX:
        raise _too_long()
    key = checked_key(_csr_from_pem(csr_pem).public_key())
    certificate = CertificateAuthority.load(at=at).sign(
        key, common_name=fingerprint_of(key), at=at, lifetime=CERTIFICATE_LIFETIME
    )
    return Credential(key, certificate, "", at + CERTIFICATE_LIFETIME, proved=True)


def _too_long() -> UnableToEnrolVehicle:
    return UnableToEnrolVehicle(
        "vehicle_key_invalid", f"More than {PEM_BYTES_MAX} characters of PEM."
    )


@transaction.atomic
def enrol(
    *, driver_id: int, label: str, public_key_pem: str, csr_pem: str, at: datetime
) -> Vehicle:
    """Enrol a vehicle to a driver by exactly one of public key and CSR.

    Raises:
        UnableToEnrolVehicle: neither or both given, unusable, enrolled already,
            or the account is full.
    """
    if bool(public_key_pem) == bool(csr_pem):
        raise UnableToEnrolVehicle(
            "vehicle_key_missing", "Give exactly one of public_key_pem and csr_pem."
        )
    require_room(driver_id)
    if csr_pem:
        credential = credential_of_csr(csr_pem, at=at)
    elif len(public_key_pem) > PEM_BYTES_MAX:
        raise _too_long()
    else:
        credential = Credential(_key_from_pem(public_key_pem))
    return add(driver_id=driver_id, label=label, credential=credential, at=at)


def require_room(driver_id: int) -> None:
    """Refuse one more vehicle for a full account.

    Raises:
        UnableToEnrolVehicle: too_many_vehicles.
    """
    own = Vehicle.objects.filter(driver_id=driver_id, status=Vehicle.Status.ACTIVE)
    if own.count() >= VEHICLES_PER_DRIVER_MAX:
        raise UnableToEnrolVehicle(
            "too_many_vehicles",
            f"An account holds at most {VEHICLES_PER_DRIVER_MAX} vehicles; revoke one "
            "that is no longer used.",
        )


@transaction.atomic
def add(*, driver_id: int, label: str, credential: Credential, at: datetime) -> Vehicle:
    """Write the vehicle of a checked credential.

    Who proves to have the key takes it from an enrolment without proof, so that
    nobody can keep a stranger's key occupied.

    Raises:
        UnableToEnrolVehicle: vehicle_enrolled_already.
    """
    if credential.proved:
        with acting_as_platform("is the key enrolled without proof somewhere?"):
            Vehicle.objects.filter(
                fingerprint=credential.fingerprint,
                status=Vehicle.Status.ACTIVE,
                key_proved=False,
            ).exclude(driver_id=driver_id).update(
                status=Vehicle.Status.REVOKED, revoked_at=at
            )
    try:
        with transaction.atomic():
            return Vehicle.objects.create(
                driver_id=driver_id,
                label=label,
                fingerprint=credential.fingerprint,
                public_key_pem=credential.public_key_pem,
                certificate_pem=credential.certificate_pem,
                chain_pem=credential.chain_pem,
                certificate_expires_at=credential.expires_at,
                key_proved=credential.proved,
                enrolled_at=at,
            )
    except IntegrityError as error:
        raise _enrolled_already() from error


def _enrolled_already() -> UnableToEnrolVehicle:
    return UnableToEnrolVehicle(
        "vehicle_enrolled_already",
        "This key is enrolled already. A vehicle needs a key of its own; hand it "
        "over, or revoke the old enrolment, before it moves to another account.",
    )


@transaction.atomic
def renew(*, driver_id: int, vehicle_id: int, csr_pem: str, at: datetime) -> Vehicle:
    """Give an own vehicle a new certificate, for its key or for a new one.

    Raises:
        UnableToFindVehicle: not an active vehicle of this driver.
        UnableToEnrolVehicle: the request is unusable, or another vehicle has the key.
    """
    vehicle = own(driver_id=driver_id, vehicle_id=vehicle_id)
    credential = credential_of_csr(csr_pem, at=at)
    vehicle.fingerprint = credential.fingerprint
    vehicle.public_key_pem = credential.public_key_pem
    vehicle.certificate_pem, vehicle.chain_pem = credential.certificate_pem, ""
    vehicle.certificate_expires_at = credential.expires_at
    vehicle.key_proved = True
    try:
        with transaction.atomic():
            vehicle.save()
    except IntegrityError as error:
        raise _enrolled_already() from error
    return vehicle


def own(*, driver_id: int, vehicle_id: int) -> Vehicle:
    """An active vehicle of its owner, locked.

    Raises:
        UnableToFindVehicle: there is none, or it is somebody else's.
    """
    found = (
        Vehicle.objects.select_for_update(no_key=True)
        .filter(pk=vehicle_id, driver_id=driver_id, status=Vehicle.Status.ACTIVE)
        .first()
    )
    if found is None:
        raise UnableToFindVehicle(
            "unknown_vehicle", "You have no active vehicle with this id."
        )
    return found


@transaction.atomic
def revoke(*, driver_id: int, vehicle_id: int, at: datetime) -> bool:
    """Revoke an own vehicle; False when the driver has no such vehicle."""
    rows = Vehicle.objects.filter(pk=vehicle_id, driver_id=driver_id)
    rows.filter(status=Vehicle.Status.ACTIVE).update(
        status=Vehicle.Status.REVOKED, revoked_at=at
    )
    return rows.exists()


def active_by_fingerprint(*, fingerprint: str) -> Vehicle | None:
    """The active vehicle with this key, with its driver."""
    return (
        Vehicle.objects.select_related("driver", "payer")
        .filter(fingerprint=fingerprint, status=Vehicle.Status.ACTIVE)
        .first()
    )
