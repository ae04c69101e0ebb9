"""Certificate signing requests of stations: what is checked, what is tolerated.

OCPP security whitepaper A02, 2.0.1 A02/A03; RFC 2986. The subject of the certificate is
always ours to write, so a request without one is a quirk and no danger.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from cpms.kernel.errors import DomainError

CSR_CHARS_MAX: Final = 5_500
RSA_BITS_MIN: Final = 2_048
RSA_BITS_MAX: Final = 4_096
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
WEAK_HASHES: Final = frozenset({"md5", "sha1"})
QUIRK_NO_SUBJECT: Final = "csr_no_subject"
QUIRK_LINE_ENDS: Final = "csr_line_ends"

_PEM: Final = re.compile(
    r"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----.*?"
    r"-----END (?:NEW )?CERTIFICATE REQUEST-----",
    re.DOTALL,
)

# What the parser raises on bytes that are no request; InvalidVersion is no ValueError.
_BAD: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class UnableToSign(DomainError):
    """The request is not one that may be signed."""

    http_status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class CheckedCsr:
    """A request that may be signed, and what had to be tolerated in it."""

    key: PublicKey
    quirks: tuple[str, ...]


def check(text: str, *, names: tuple[str, ...]) -> CheckedCsr:
    """Check a request of the station that is known by ``names`` (identity, serial).

    Raises:
        UnableToSign: ``csr_unreadable``, ``csr_signature``, ``csr_key`` or
            ``csr_subject``; the message is fit for the operator.
    """
    request, quirks = _read(text)
    try:
        signed = request.is_signature_valid
        weak = request.signature_hash_algorithm
    except _BAD as error:
        raise UnableToSign("csr_signature", f"Unknown signature: {error}.") from error
    if not signed or (weak is not None and weak.name in WEAK_HASHES):
        raise UnableToSign(
            "csr_signature", "The request is not signed by its own key with SHA-2."
        )
    key = _key(request)
    try:
        found = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except _BAD as error:
        raise UnableToSign("csr_unreadable", "The subject cannot be read.") from error
    if not found:
        return CheckedCsr(key, (*quirks, QUIRK_NO_SUBJECT))
    common_name = str(found[0].value).strip()
    if common_name not in names:
        raise UnableToSign(
            "csr_subject",
            f"The request is for {common_name[:80]!r}, the station is {names[0]!r}.",
        )
    return CheckedCsr(key, quirks)


def _read(text: str) -> tuple[x509.CertificateSigningRequest, tuple[str, ...]]:
    if len(text) > CSR_CHARS_MAX:
        raise UnableToSign(
            "csr_unreadable", f"The request is longer than {CSR_CHARS_MAX} characters."
        )
    # Some stations write CRLF, others the two characters \ and n.
    plain = text.replace("\r\n", "\n").replace("\\n", "\n")
    quirks = (QUIRK_LINE_ENDS,) if plain != text else ()
    found = _PEM.search(plain)
    if found is None:
        raise UnableToSign("csr_unreadable", "The request is not PEM (RFC 7468).")
    try:
        return x509.load_pem_x509_csr(found.group().encode()), quirks
    except _BAD as error:
        raise UnableToSign("csr_unreadable", "The request cannot be read.") from error


def _key(request: x509.CertificateSigningRequest) -> PublicKey:
    try:
        key = request.public_key()
    except _BAD as error:
        raise UnableToSign("csr_key", f"Unknown key: {error}.") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES):
        return key
    if isinstance(key, rsa.RSAPublicKey) and (
        RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX
    ):
        return key
    raise UnableToSign(
        "csr_key",
        f"The key must be EC P-256, P-384 or P-521, or RSA with {RSA_BITS_MIN} to "
        f"{RSA_BITS_MAX} bits.",
    )
