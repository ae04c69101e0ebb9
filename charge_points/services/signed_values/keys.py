"""Public keys of meters, as stations and people write them, and what they verify.

ECDSA on the curves of OCMF table 22 with SHA-256. secp192k1 is in that table too; no
library here knows it, so its records are "not understood" and never "wrong".
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from charge_points.services.signed_values.ocmf import Record

TEXT_CHARS_MAX: Final = 4_096
_PEM: Final = "-----BEGIN"
# OCA, "Signed Meter Values in OCPP" 3.2.2: oca:<encoding>:<format>:<key>.
_ENVELOPE: Final = "oca:"
_BASES: Final = ("base16", "base64")

_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "secp192r1": ec.SECP192R1(),
    "secp256r1": ec.SECP256R1(),
    "secp256k1": ec.SECP256K1(),
    "secp384r1": ec.SECP384R1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpoolp256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
    "brainpoolp384r1": ec.BrainpoolP384R1(),
}
ALGORITHMS: Final = {f"ecdsa-{name}-sha256": _CURVES[name] for name in _CURVES}
"""Signature algorithm of OCMF in lower case -> its curve."""


class UnableToReadKey(ValueError):
    """The text is no public key on one of the curves; the message says why."""


class UnableToVerify(ValueError):
    """The signature's algorithm is not one of the curves here."""


def read_key(text: str, algorithm: str = "") -> ec.EllipticCurvePublicKey:
    """Read a public key.

    PEM, or SubjectPublicKeyInfo or a bare point in hexadecimal digits or Base64, with
    or without the envelope ``oca:base16:asn1:``, itself plain or in Base64.

    Args:
        text: As configured, or as sent beside a signed value.
        algorithm: As OCMF names it; tells the curve of a bare point.

    Raises:
        UnableToReadKey: it is none of these.
    """
    text = text.strip()
    if not 0 < len(text) <= TEXT_CHARS_MAX:
        raise UnableToReadKey(f"a key has 1 to {TEXT_CHARS_MAX} characters")
    if text.startswith(_PEM):
        return _loaded(text.encode(), load_pem_public_key)
    for der in _candidates(text):
        try:
            return _loaded(der, load_der_public_key)
        except UnableToReadKey:
            key = _point(der, algorithm)
            if key is not None:
                return key
    raise UnableToReadKey("no SubjectPublicKeyInfo and no point of a known curve")


def _loaded(
    data: bytes, load: Callable[[bytes], PublicKeyTypes]
) -> ec.EllipticCurvePublicKey:
    try:
        key = load(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnableToReadKey("the key's structure is not known") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise UnableToReadKey("the key is not one of an elliptic curve")
    return key


def _candidates(text: str) -> list[bytes]:
    """The bytes that a text may stand for, the likeliest first."""
    found = []
    inner = _envelope(text)
    if inner is None:
        inner = _envelope(_decoded(text, "base64").decode("ascii", "ignore"))
    if inner is not None:
        encoding, body = inner
        found.append(_decoded(body, encoding))
    found += [_decoded(text, encoding) for encoding in _BASES]
    # The application note's own example: Base64 of hexadecimal digits.
    found.append(_decoded(_decoded(text, "base64").decode("ascii", "ignore"), "base16"))
    return [data for data in found if data]


def _envelope(text: str) -> tuple[str, str] | None:
    parts = text.split(":")
    if not text.startswith(_ENVELOPE) or len(parts) != len(("oca", "b", "f", "key")):
        return None
    return parts[1].lower(), parts[3]


def _decoded(text: str, encoding: str) -> bytes:
    """The bytes, empty when it is not in this encoding; blanks stand anywhere."""
    compact = "".join(text.split())
    try:
        if encoding == "base16":
            return bytes.fromhex(compact)
        return base64.b64decode(compact, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _point(data: bytes, algorithm: str) -> ec.EllipticCurvePublicKey | None:
    curve = ALGORITHMS.get(algorithm.lower())
    if curve is None:
        return None
    bare = len(data) == 2 * _octets(curve)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(
            curve, b"\x04" + data if bare else data
        )
    except ValueError:
        return None


def _octets(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8


def der_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hexadecimal."""
    return hashlib.sha256(der_of(key)).hexdigest()


def verify(record: Record, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether this key signed this record.

    Args:
        record: As read; its payload is what must have been signed.
        key: The meter's.

    Raises:
        UnableToVerify: the algorithm is not known here.
    """
    curve = ALGORITHMS.get(record.algorithm.lower())
    if curve is None:
        raise UnableToVerify(f"signature algorithm {record.algorithm[:40]!r}")
    if curve.name != key.curve.name:
        return False
    signature = record.signature
    octets = _octets(key.curve)
    if len(signature) == 2 * octets and not _is_der(signature):
        # r and s one after the other, as in the specification's own example.
        halves = signature[:octets], signature[octets:]
        signature = encode_dss_signature(*(int.from_bytes(half) for half in halves))
    try:
        key.verify(signature, record.payload, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _is_der(signature: bytes) -> bool:
    """A SEQUENCE whose length is that of the rest; short form is enough for 64."""
    return signature[0] == 0x30 and signature[1] == len(signature) - 2
