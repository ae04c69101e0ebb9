"""What a client certificate proves: a pure reading (OCPP whitepaper 2.4, 2.0.1 A00)."""

import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from charge_points.services.revocation_lists import is_signed_by_any, lists_in

DER_BYTES_MAX: Final = 16 * 1024
HEADER_CHARS_MAX: Final = 24 * 1024
NAMES_MAX: Final = 32
RSA_BITS_MIN: Final = 2048
EC_BITS_MIN: Final = 224

UNREADABLE: Final = "the client certificate cannot be read"
REVOKED: Final = "the client certificate was revoked"
FOREIGN: Final = "the client certificate was issued by no trusted CA"

_CLIENT: Final = frozenset(
    {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"

# What the parser raises on bytes that are no certificate, or one of an unknown kind.
_BAD: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may issue certificates of charge points, and which ones count no more.

    ``authorities``: PEM of the built-in CA, may be empty. ``revoked``: serial numbers,
    hexadecimal in lower case, of certificates that the built-in CA took back.
    ``lists``: revocation lists (DER) of other client CAs, as they were fetched.
    """

    authorities: tuple[str, ...] = ()
    revoked: frozenset[str] = frozenset()
    lists: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Issuers:
    """All trusted issuers of a process: the built-in CA and the operator's own.

    ``own`` issues certificates whose common name is the charge point's identity; its
    DNS names are only a readable form of it and prove nothing. ``revoked``: issuer's
    name (DER) and serial number of what the operator's own CAs took back.
    """

    own: tuple[x509.Certificate, ...] = ()
    foreign: tuple[x509.Certificate, ...] = ()
    revoked: frozenset[tuple[bytes, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate as presented; ``fault`` says why it proves nothing.

    ``issuer``: the name (DER) of who signed it.
    """

    names: tuple[str, ...] = field(default=())
    serial_number: str = ""
    fault: str = ""
    issuer: bytes = b""


def read(
    der: bytes, issuers: Issuers, *, at: datetime, is_verified: bool
) -> ClientCertificate:
    """Read a client certificate; never raises, whatever the bytes are.

    Args:
        der: the leaf.
        issuers: who is trusted.
        at: now, aware.
        is_verified: the TLS layer of this process has checked the chain. If not (the
            certificate was forwarded), a trusted CA must have signed it directly.
    """
    if not der or len(der) > DER_BYTES_MAX:
        return ClientCertificate(fault=UNREADABLE)
    try:
        leaf = x509.load_der_x509_certificate(der)
        is_own = any(_has_issued(issuer, leaf) for issuer in issuers.own)
        names = _names(leaf, with_alternatives=not is_own)
        fault = _fault(leaf, at)
        if not fault and not (is_verified or is_own):
            known = any(_has_issued(issuer, leaf) for issuer in issuers.foreign)
            fault = "" if known else FOREIGN
        if not fault and _key_of(leaf.issuer, leaf.serial_number) in issuers.revoked:
            fault = REVOKED
        issuer = leaf.issuer.public_bytes()
        return ClientCertificate(names, f"{leaf.serial_number:x}", fault, issuer)
    except _BAD:
        return ClientCertificate(fault=UNREADABLE)


def names_in(der: bytes) -> tuple[str, ...]:
    """The names that a certificate claims, whoever issued it; none when unreadable."""
    if not der or len(der) > DER_BYTES_MAX:
        return ()
    try:
        leaf = x509.load_der_x509_certificate(der)
        return _names(leaf, with_alternatives=True)
    except _BAD:
        return ()


def _key_of(issuer: x509.Name, serial_number: int) -> tuple[bytes, int]:
    return issuer.public_bytes(), serial_number


def revoked_by(
    lists: bytes, authorities: Sequence[x509.Certificate]
) -> frozenset[tuple[bytes, int]]:
    """What revocation lists take back (RFC 5280 5), for ``Issuers.revoked``.

    Args:
        lists: one list in DER, or any number in PEM.
        authorities: who may have signed them.

    Raises:
        ValueError: a list cannot be read, or none of the CAs signed it.
    """
    found: set[tuple[bytes, int]] = set()
    for listed in lists_in(lists):
        if not is_signed_by_any(listed, authorities):
            name = listed.issuer.rfc4514_string()
            msg = f"the list of {name!r} is signed by none of the client CAs"
            raise ValueError(msg)
        found |= {_key_of(listed.issuer, row.serial_number) for row in listed}
    return frozenset(found)


def revoked_by_fetched(
    lists: Sequence[bytes], authorities: Sequence[x509.Certificate]
) -> frozenset[tuple[bytes, int]]:
    """As ``revoked_by``; lists of other CAs than these take nothing back here."""
    found: frozenset[tuple[bytes, int]] = frozenset()
    for each in lists:
        with suppress(ValueError):
            found |= revoked_by(each, authorities)
    return found


def _has_issued(issuer: x509.Certificate, leaf: x509.Certificate) -> bool:
    if issuer.subject != leaf.issuer:
        return False
    try:
        leaf.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_BAD):
        return False
    return True


def _names(leaf: x509.Certificate, *, with_alternatives: bool) -> tuple[str, ...]:
    """Common names, and DNS names where the issuer vouches for them."""
    found = [
        str(attribute.value)
        for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    if with_alternatives:
        try:
            extension = leaf.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
            found += extension.value.get_values_for_type(x509.DNSName)
        except x509.ExtensionNotFound:
            pass
    return tuple(dict.fromkeys(found))[:NAMES_MAX]


def _fault(leaf: x509.Certificate, at: datetime) -> str:
    """The first reason why the certificate cannot be a charge point's, or nothing."""
    if at < leaf.not_valid_before_utc:
        return f"the client certificate is valid from {leaf.not_valid_before_utc:%F %T}"
    if at > leaf.not_valid_after_utc:
        return f"the client certificate expired at {leaf.not_valid_after_utc:%F %T}"
    return _key_fault(leaf) or _usage_fault(leaf)


def _key_fault(leaf: x509.Certificate) -> str:
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        is_strong = key.key_size >= RSA_BITS_MIN
    elif isinstance(key, ec.EllipticCurvePublicKey):
        is_strong = key.key_size >= EC_BITS_MIN
    else:
        return "the key of the client certificate is neither RSA nor EC"
    return "" if is_strong else "the key of the client certificate is too short"


def _usage_fault(leaf: x509.Certificate) -> str:
    extensions = leaf.extensions
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return "the client certificate is that of a CA"
        if isinstance(value, x509.KeyUsage) and not (
            value.digital_signature or value.key_agreement
        ):
            return "the key usage of the client certificate allows no signature"
        if isinstance(value, x509.ExtendedKeyUsage) and _CLIENT.isdisjoint(value):
            return "the client certificate is not meant for clients"
    return ""


def forwarded_der(values: Sequence[str]) -> bytes | None:
    """The leaf in a header that a proxy set: RFC 9440, or PEM with percent escapes.

    Returns:
        None without a certificate; empty bytes when it cannot be read. More than one
        header is not readable: one of them is not the proxy's.
    """
    present = [value.strip() for value in values if value.strip()]
    if not present:
        return None
    if len(present) > 1 or len(present[0]) > HEADER_CHARS_MAX:
        return b""
    text = present[0]
    if text.startswith(":") and text.endswith(":"):
        body = text[1:-1]
    else:
        # The leaf is the first one of several.
        body = unquote(text).partition(_BEGIN)[2].partition(_END)[0]
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def certificates_in(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file.

    Raises:
        ValueError: one of them cannot be read, or there is none.
    """
    return tuple(x509.load_pem_x509_certificates(pem))
