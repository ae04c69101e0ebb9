"""Firmware that operators upload: kept by its hash, its signature checked."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from django.db import transaction

from charge_points.models import FirmwareFile
from charge_points.services import stored_files
from charge_points.services.rows import insert_unless_exists
from charge_points.services.stored_files import StoredFile
from cpms.kernel.errors import DomainError

FOLDER: Final = "firmware"
FILE_BYTES_MAX: Final = 512 * 1024 * 1024
CERTIFICATE_CHARS_MAX: Final = 5500
SIGNATURE_CHARS_MAX: Final = 800


class UnableToKeepFirmware(DomainError):
    """The file is not taken."""

    http_status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFirmware:
    """What an operator says of a file.

    Certificate (PEM) and signature (base64, over the file's SHA-256) come together or
    not at all.
    """

    operator_id: int
    version: str
    file_name: str
    vendor: str = ""
    model: str = ""
    signing_certificate: str = ""
    signature: str = ""


def store(wanted: NewFirmware, chunks: Iterable[bytes]) -> StoredFile:
    """Write the file and check its signature; outside of database transactions.

    Raises:
        UnableToStoreFile: it is empty, too long or too slow.
        UnableToKeepFirmware: certificate or signature is missing or wrong.
    """
    if bool(wanted.signing_certificate) != bool(wanted.signature):
        raise UnableToKeepFirmware(
            "signature_incomplete", "Give both signing certificate and signature."
        )
    file = stored_files.store(folder=FOLDER, chunks=chunks, bytes_max=FILE_BYTES_MAX)
    try:
        if wanted.signature:
            _verify(wanted, bytes.fromhex(file.sha256))
    except UnableToKeepFirmware:
        stored_files.remove(file.stored_as)
        raise
    return file


def _verify(wanted: NewFirmware, digest: bytes) -> None:
    """RSA (PSS or PKCS #1 v1.5) or ECDSA over the SHA-256 of the file."""
    try:
        certificate = x509.load_pem_x509_certificate(
            wanted.signing_certificate.encode()
        )
        signature = base64.b64decode(wanted.signature, validate=True)
        key = certificate.public_key()
    except (ValueError, binascii.Error) as error:
        raise UnableToKeepFirmware(
            "signature_unreadable",
            "The signing certificate must be PEM and the signature base64.",
        ) from error
    if not _is_signed_by(key, signature, digest):
        raise UnableToKeepFirmware(
            "signature_wrong",
            "The signature does not fit the file and the certificate's key; "
            "stations would refuse it.",
        )


def _is_signed_by(key: object, signature: bytes, digest: bytes) -> bool:
    hashed = Prehashed(hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePublicKey):
        try:
            key.verify(signature, digest, ec.ECDSA(hashed))
        except InvalidSignature:
            return False
        return True
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    return any(
        _is_rsa_signed(key, signature, digest, one) for one in (pss, padding.PKCS1v15())
    )


def _is_rsa_signed(
    key: rsa.RSAPublicKey,
    signature: bytes,
    digest: bytes,
    pad: padding.AsymmetricPadding,
) -> bool:
    try:
        key.verify(signature, digest, pad, Prehashed(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@transaction.atomic
def keep(
    *, wanted: NewFirmware, file: StoredFile, by: str, at: datetime
) -> FirmwareFile:
    """Make the row of a file; the same file and version again is the same row."""
    row = FirmwareFile(
        operator_id=wanted.operator_id,
        vendor=wanted.vendor,
        model=wanted.model,
        version=wanted.version,
        file_name=wanted.file_name[:255],
        stored_as=file.stored_as,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        md5=file.md5,
        signing_certificate=wanted.signing_certificate,
        signature=wanted.signature,
        uploaded_by=by,
        uploaded_at=at,
    )
    if insert_unless_exists(row):
        return row
    stored_files.remove(file.stored_as)
    return FirmwareFile.objects.get(
        operator_id=wanted.operator_id, sha256=file.sha256, version=wanted.version
    )
