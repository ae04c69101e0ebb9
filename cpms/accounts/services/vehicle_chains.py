"""Registration of a certificate that a vehicle has already (ISO 15118 contract chain).

Whoever issued it, the platform trusts the key and not the chain: the key signs the
registration for one account, and every later proof. The chain has to hold together,
so that nobody registers a certificate that was put together from parts.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from django.db import transaction

from cpms.accounts.models import Vehicle
from cpms.accounts.services.vehicles import (
    PEM_BYTES_MAX,
    Credential,
    UnableToEnrolVehicle,
    add,
    checked_key,
    require_room,
)

CHAIN_MAX: Final = 5
CHAIN_CHARS_MAX: Final = CHAIN_MAX * PEM_BYTES_MAX
PROOF_CHARS_MAX: Final = 4096
PURPOSE: Final = "enrol"
ALGORITHMS: Final = ("ES256", "ES384", "ES512")


def _invalid(detail: str) -> UnableToEnrolVehicle:
    return UnableToEnrolVehicle("certificate_chain_invalid", detail)


@transaction.atomic
def register(
    *, driver_id: int, label: str, chain_pem: str, proof: str, at: datetime
) -> Vehicle:
    """Enrol a vehicle by its existing certificate, leaf first, then its issuers.

    Args:
        driver_id: whose vehicle it is.
        label: the driver's name for it.
        chain_pem: 1 to 5 certificates, PEM.
        proof: compact JWS by the leaf's key over {"purpose": "enrol",
            "driver_id": <int>}.
        at: now.

    Raises:
        UnableToEnrolVehicle: chain or proof unusable, key enrolled, account full.
    """
    require_room(driver_id)
    chain = _parsed(chain_pem)
    leaf = chain[0]
    _check_links(chain, at)
    credential = Credential(
        key=checked_key(leaf.public_key()),
        certificate_pem=_pem(leaf),
        chain_pem="".join(_pem(issuer) for issuer in chain[1:]),
        expires_at=min(each.not_valid_after_utc for each in chain),
        proved=True,
    )
    check_proof(proof, credential, driver_id)
    return add(driver_id=driver_id, label=label, credential=credential, at=at)


def _parsed(chain_pem: str) -> list[x509.Certificate]:
    if len(chain_pem) > CHAIN_CHARS_MAX:
        raise _invalid(f"More than {CHAIN_CHARS_MAX} characters of PEM.")
    try:
        chain = x509.load_pem_x509_certificates(chain_pem.encode())
        for certificate in chain:
            certificate.public_key()  # an unknown curve shows itself only now
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise _invalid("certificate_chain_pem holds no PEM certificates.") from error
    if not 1 <= len(chain) <= CHAIN_MAX:
        raise _invalid(f"A chain has 1 to {CHAIN_MAX} certificates, leaf first.")
    return chain


def _check_links(chain: list[x509.Certificate], at: datetime) -> None:
    for certificate in chain:
        if not certificate.not_valid_before_utc <= at < certificate.not_valid_after_utc:
            raise _invalid("A certificate of the chain is not valid now.")
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise _invalid(
                "A certificate of the chain was not issued by the next one."
            ) from error


def check_proof(proof: str, credential: Credential, driver_id: int) -> None:
    """The key says for which account it is registered.

    Raises:
        UnableToEnrolVehicle: possession_not_proved, certificate_chain_invalid.
    """
    if len(proof) > PROOF_CHARS_MAX:
        raise _invalid(f"The proof is longer than {PROOF_CHARS_MAX} characters.")
    try:
        payload: dict[str, Any] = jwt.decode(
            proof, credential.public_key_pem, algorithms=list(ALGORITHMS)
        )
    except jwt.PyJWTError as error:
        raise UnableToEnrolVehicle(
            "possession_not_proved",
            "proof is no JWS by the key of the first certificate.",
        ) from error
    if payload.get("purpose") != PURPOSE or payload.get("driver_id") != driver_id:
        raise UnableToEnrolVehicle(
            "possession_not_proved",
            f"The proof must say purpose {PURPOSE!r} and your driver_id.",
        )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
