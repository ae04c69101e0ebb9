"""Vehicles: enrolment by public key or CSR, revocation.

A CSR is answered with a certificate of the platform's own vehicle CA.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import IntegrityError, transaction

from cpms.accounts.models import Vehicle
from cpms.accounts.services.vehicle_ca import CertificateAuthority
from cpms.kernel.errors import DomainError

PEM_BYTES_MAX: Final = 8192
VEHICLES_PER_DRIVER_MAX: Final = 50
CERTIFICATE_LIFETIME: Final = timedelta(days=3 * 365)
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


class UnableToEnrolVehicle(DomainError):
    """The key or CSR is unusable, or already enrolled."""

    http_status = 422


def fingerprint_of(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the DER SubjectPublicKeyInfo, 64 hexadecimal digits."""
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return digest.finalize().hex()


def _checked_key(key: object) -> ec.EllipticCurvePublicKey:
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
        return _checked_key(serialization.load_pem_public_key(pem.encode()))
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
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise UnableToEnrolVehicle(
            "csr_invalid", "csr_pem is not a PEM certificate signing request."
        ) from error
    if not valid:
        raise UnableToEnrolVehicle(
            "csr_signature_invalid",
            "The request is not signed by the key that it holds.",
        )
    return csr


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
    if max(len(public_key_pem), len(csr_pem)) > PEM_BYTES_MAX:
        raise UnableToEnrolVehicle(
            "vehicle_key_invalid", f"More than {PEM_BYTES_MAX} characters of PEM."
        )
    own = Vehicle.objects.filter(driver_id=driver_id, status=Vehicle.Status.ACTIVE)
    if own.count() >= VEHICLES_PER_DRIVER_MAX:
        raise UnableToEnrolVehicle(
            "too_many_vehicles",
            f"An account holds at most {VEHICLES_PER_DRIVER_MAX} vehicles; revoke one "
            "that is no longer used.",
        )
    certificate = ""
    if csr_pem:
        csr = _csr_from_pem(csr_pem)
        key = _checked_key(csr.public_key())
    else:
        key = _key_from_pem(public_key_pem)
    fingerprint = fingerprint_of(key)
    if csr_pem:
        certificate = CertificateAuthority.load(at=at).sign(
            key, common_name=fingerprint, at=at, lifetime=CERTIFICATE_LIFETIME
        )
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    try:
        with transaction.atomic():
            return Vehicle.objects.create(
                driver_id=driver_id,
                label=label,
                fingerprint=fingerprint,
                public_key_pem=pem,
                certificate_pem=certificate,
                enrolled_at=at,
            )
    except IntegrityError as error:
        raise UnableToEnrolVehicle(
            "vehicle_enrolled_already",
            "This key is enrolled already. A vehicle needs a key of its own; "
            "revoke the old enrolment before it moves to another account.",
        ) from error


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
        Vehicle.objects.select_related("driver")
        .filter(fingerprint=fingerprint, status=Vehicle.Status.ACTIVE)
        .first()
    )
