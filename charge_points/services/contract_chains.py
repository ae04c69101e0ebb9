"""Whether a contract certificate leads to a trusted root (ISO 15118-2, 2.0.1 C07).

A pure reading of bytes that a station sent: whatever they are, the answer is a word of
``AuthorizeCertificateStatusEnumType`` and never a crash.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import ClassVar, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from charge_points.services.id_tokens import token_key
from charge_points.services.public_keys import CertificateHash
from cpms.kernel.errors import DomainError

CHAIN_CHARS_MAX: Final = 10_000
"""2.0.1 says 5,500; stations of 1.6 that send root and all were seen."""

CHAIN_MAX: Final = 6
DEPTH_MAX: Final = 5
RSA_BITS_MIN: Final = 2_048

SIGNATURE_ERROR: Final = "SignatureError"
EXPIRED: Final = "CertificateExpired"
NOT_AVAILABLE: Final = "NoCertificateAvailable"
CHAIN_ERROR: Final = "CertChainError"

# What the parser raises on bytes that are no certificate, or one of an unknown kind.
_BAD: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


Kind = TypeVar("Kind", bound=x509.ExtensionType)


class UnableToTrustContract(DomainError):
    """``code`` is the word of ``AuthorizeCertificateStatusEnumType``."""

    http_status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class OcspQuestion:
    """Which certificate to ask for, and where."""

    asked: CertificateHash
    responder_url: str


@dataclass(frozen=True, slots=True)
class TrustedChain:
    """A chain that leads to a root; ``path`` from the leaf to that root."""

    emaid: str
    path: tuple[x509.Certificate, ...]

    @property
    def leaf(self) -> x509.Certificate:
        """The contract certificate."""
        return self.path[0]

    def questions(self) -> list[OcspQuestion]:
        """What to ask about leaf and sub-CAs that name a responder."""
        found = []
        for certificate, issuer in pairwise(self.path):
            url = responder_of(certificate)
            if url:
                found.append(OcspQuestion(hash_of(certificate, issuer), url))
        return found


def certificates_of(pem: str) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text, in its order.

    Raises:
        UnableToTrustContract: ``CertChainError``: unreadable, none, or too many.
    """
    if len(pem) > CHAIN_CHARS_MAX:
        raise UnableToTrustContract(
            CHAIN_ERROR, f"The chain is longer than {CHAIN_CHARS_MAX} characters."
        )
    try:
        text = pem.replace("\\n", "\n").encode()
        found = tuple(x509.load_pem_x509_certificates(text))
        for certificate in found:
            certificate.public_key()  # an unknown curve shows itself only now
    except _BAD as error:
        raise UnableToTrustContract(
            CHAIN_ERROR, "The contract's certificates cannot be read."
        ) from error
    if len(found) > CHAIN_MAX:
        raise UnableToTrustContract(
            CHAIN_ERROR, f"A chain has at most {CHAIN_MAX} certificates."
        )
    return found


def check(
    pem: str, *, emaid: str, roots: Sequence[x509.Certificate], at: datetime
) -> TrustedChain:
    """Follow a chain, leaf first, to one of ``roots``.

    Args:
        pem: as the station sent it.
        emaid: of the token that is presented with it; empty: whatever it is for.
        roots: who is trusted.
        at: now.

    Raises:
        UnableToTrustContract: the code says which status the station gets.
    """
    chain = certificates_of(pem)
    try:
        return _check(chain, emaid, roots, at)
    except _BAD as error:
        raise UnableToTrustContract(
            CHAIN_ERROR, "A certificate of the chain has unreadable parts."
        ) from error


def _check(
    chain: tuple[x509.Certificate, ...],
    emaid: str,
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> TrustedChain:
    leaf = chain[0]
    if _is_ca(leaf):
        raise UnableToTrustContract(
            CHAIN_ERROR, "The first certificate is that of a CA and no contract."
        )
    path = _path(leaf, chain[1:], roots)
    for certificate in path:
        if (
            not certificate.not_valid_before_utc
            <= at
            <= certificate.not_valid_after_utc
        ):
            raise UnableToTrustContract(
                EXPIRED,
                f"{_subject(certificate)} is valid until "
                f"{certificate.not_valid_after_utc:%F %T}.",
            )
    found = _emaid_of(leaf)
    if emaid and token_key(emaid) != found:
        raise UnableToTrustContract(
            NOT_AVAILABLE, "The certificate is that of another contract."
        )
    return TrustedChain(found, path)


def _path(
    leaf: x509.Certificate,
    between: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
) -> tuple[x509.Certificate, ...]:
    """From the leaf to a root; each CA may sign, and may stand that far up."""
    path = [leaf]
    while path[-1] not in roots:
        if len(path) > DEPTH_MAX:
            raise UnableToTrustContract(CHAIN_ERROR, "The chain has no end.")
        path.append(_issuer_of(path[-1], (*roots, *between), below=len(path) - 1))
    return tuple(path)


def _issuer_of(
    certificate: x509.Certificate, known: Iterable[x509.Certificate], *, below: int
) -> x509.Certificate:
    named = [each for each in known if each.subject == certificate.issuer]
    for issuer in named:
        if has_issued(issuer, certificate) and _may_sign(issuer, below):
            return issuer
    if any(not has_issued(issuer, certificate) for issuer in named):
        raise UnableToTrustContract(
            SIGNATURE_ERROR, f"{_subject(certificate)} was not signed by its issuer."
        )
    raise UnableToTrustContract(
        CHAIN_ERROR, f"{_subject(certificate)} leads to no trusted root."
    )


def trusted_authorities(
    roots: Sequence[x509.Certificate], pool: Iterable[x509.Certificate], at: datetime
) -> list[x509.Certificate]:
    """The roots and every CA of ``pool`` that leads to one and is valid now."""
    found = list(roots)
    for certificate in tuple(pool)[:CHAIN_MAX]:
        try:
            path = _path(certificate, tuple(pool), roots)
            is_ca = _is_ca(certificate) and all(
                each.not_valid_before_utc <= at <= each.not_valid_after_utc
                for each in path
            )
        except (UnableToTrustContract, *_BAD):
            continue
        if is_ca and certificate not in found:
            found.append(certificate)
    return found


def has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether ``issuer``'s key signed a certificate."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_BAD):
        return False
    return True


def _may_sign(issuer: x509.Certificate, below: int) -> bool:
    """A CA with a usable key, and not too far above the leaf (RFC 5280 6.1.4)."""
    limits = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    if limits is None or not limits.ca or (usage and not usage.key_cert_sign):
        return False
    if limits.path_length is not None and below > limits.path_length:
        return False
    return _is_strong(issuer)


def _is_strong(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= RSA_BITS_MIN
    return isinstance(key, ec.EllipticCurvePublicKey)


def _is_ca(certificate: x509.Certificate) -> bool:
    limits = _extension(certificate, x509.BasicConstraints)
    return limits is not None and limits.ca


def _extension(certificate: x509.Certificate, kind: type[Kind]) -> Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _emaid_of(leaf: x509.Certificate) -> str:
    """The common name (ISO 15118-2, annex F: subject CN = eMAID)."""
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return token_key(str(names[0].value)) if names else ""


def responder_of(certificate: x509.Certificate) -> str:
    """The OCSP address that a certificate names, or nothing."""
    access = _extension(certificate, x509.AuthorityInformationAccess)
    for entry in access or ():
        place = entry.access_location
        is_ocsp = entry.access_method == AuthorityInformationAccessOID.OCSP
        if is_ocsp and isinstance(place, x509.UniformResourceIdentifier):
            return place.value
    return ""


def hash_of(certificate: x509.Certificate, issuer: x509.Certificate) -> CertificateHash:
    """The hashes by which a responder is asked (RFC 6960 4.1.1)."""
    asked = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, issuer, hashes.SHA256())
        .build()
    )
    return CertificateHash(
        "SHA256",
        asked.issuer_name_hash.hex(),
        asked.issuer_key_hash.hex(),
        f"{asked.serial_number:x}",
    )


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()[:100]
