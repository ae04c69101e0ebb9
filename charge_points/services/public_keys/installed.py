"""Which certificates a station has: what it said, and what it accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from django.db import transaction

from charge_points.models import InstalledCertificate

LIST_MAX: Final = 100
"""Certificates kept of one list of a station; it has room for a few."""


_HASH: Final = (
    "hash_algorithm",
    "issuer_name_hash",
    "issuer_key_hash",
    "serial_number",
)


@dataclass(frozen=True, slots=True)
class CertificateHash:
    """``CertificateHashDataType``: which certificate, by hashes (RFC 6960 4.1.1)."""

    algorithm: str
    issuer_name: str
    issuer_key: str
    serial_number: str

    def columns(self) -> dict[str, Any]:
        """As columns of the table; hexadecimal digits have no case."""
        return {
            "hash_algorithm": self.algorithm,
            "issuer_name_hash": self.issuer_name.lower(),
            "issuer_key_hash": self.issuer_key.lower(),
            "serial_number": self.serial_number.lower(),
        }


@dataclass(frozen=True, slots=True)
class Reported:
    """One entry of GetInstalledCertificateIds."""

    use: str
    hash: CertificateHash
    children: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def hash_of(certificate: x509.Certificate) -> CertificateHash:
    """The hashes of a self-signed certificate, as a station would tell them."""
    built = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, certificate, hashes.SHA256())
        .build()
    )
    return CertificateHash(
        "SHA256",
        built.issuer_name_hash.hex(),
        built.issuer_key_hash.hex(),
        f"{built.serial_number:x}",
    )


@transaction.atomic
def record_list(
    *,
    charge_point_id: int,
    operator_id: int,
    uses: Sequence[str],
    reported: Sequence[Reported],
    at: datetime,
) -> None:
    """What a station listed replaces what was known of these uses; empty: of all."""
    rows = InstalledCertificate.objects.filter(charge_point_id=charge_point_id)
    if uses:
        rows = rows.filter(use__in=uses)
    known = {
        tuple(row.pop(name) for name in ("use", *_HASH)): row["subject"]
        for row in rows.values("use", *_HASH, "subject")
    }
    rows.delete()
    InstalledCertificate.objects.bulk_create(
        [
            InstalledCertificate(
                operator_id=operator_id,
                charge_point_id=charge_point_id,
                use=one.use,
                children=list(one.children),
                subject=known.get((one.use, *one.hash.columns().values()), ""),
                seen_at=at,
                **one.hash.columns(),
            )
            for one in reported[:LIST_MAX]
        ],
        ignore_conflicts=True,
    )


def record_installed(
    *, charge_point_id: int, operator_id: int, use: str, pem: str, at: datetime
) -> None:
    """A station took a root certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return  # accepted by the station; its own list tells what it made of it
    InstalledCertificate.objects.update_or_create(
        charge_point_id=charge_point_id,
        use=use,
        **hash_of(certificate).columns(),
        defaults={
            "operator_id": operator_id,
            "subject": certificate.subject.rfc4514_string()[:255],
            "seen_at": at,
        },
    )


def record_deleted(*, charge_point_id: int, gone: CertificateHash) -> None:
    """A station has it no longer, or never had it."""
    InstalledCertificate.objects.filter(
        charge_point_id=charge_point_id, **gone.columns()
    ).delete()
