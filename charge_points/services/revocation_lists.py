"""Revocation lists of X.509 (RFC 5280 5): a pure reading."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_BEGIN: Final = b"-----BEGIN X509 CRL-----"
_BAD: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
)


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What a revocation list says of itself."""

    issuer: str
    this_update: datetime
    next_update: datetime | None
    entries: int


def facts_of(listed: x509.CertificateRevocationList) -> ListFacts:
    """What a list says of itself."""
    return ListFacts(
        listed.issuer.rfc4514_string()[:255],
        listed.last_update_utc,
        listed.next_update_utc,
        len(listed),
    )


def lists_in(text: bytes) -> list[x509.CertificateRevocationList]:
    """One list in DER, or any number in PEM.

    Raises:
        ValueError: a list cannot be read.
    """
    try:
        if _BEGIN not in text:
            return [x509.load_der_x509_crl(text)]
        parts = text.split(_BEGIN)[1:]
        return [x509.load_pem_x509_crl(_BEGIN + part) for part in parts]
    except _BAD as error:
        raise ValueError(str(error)) from error


def is_signed_by_any(
    listed: x509.CertificateRevocationList, authorities: Iterable[x509.Certificate]
) -> bool:
    """Whether one of these CAs signed a list in its own name."""
    return any(_has_signed(authority, listed) for authority in authorities)


def _has_signed(
    authority: x509.Certificate, listed: x509.CertificateRevocationList
) -> bool:
    key = authority.public_key()
    if authority.subject != listed.issuer or not isinstance(
        key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    ):
        return False
    try:
        return listed.is_signature_valid(key)
    except (InvalidSignature, *_BAD):
        return False
