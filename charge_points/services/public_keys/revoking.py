"""Revocation, and the two ways to ask for it: CRL (RFC 5280) and OCSP (RFC 6960)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from django.db import transaction
from django.db.models import F

from charge_points.models import StationAuthority, StationCertificate
from charge_points.services.public_keys import authority
from charge_points.services.wake import wake_trust
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

CRL_LIFE: Final = timedelta(hours=24)
OCSP_LIFE: Final = timedelta(hours=1)
OCSP_BYTES_MAX: Final = 4_096
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
)


class UnableToRevoke(DomainError):
    """No such certificate, or no such reason."""

    http_status: ClassVar[int] = 404


@transaction.atomic
def revoke(
    *,
    serial_number: str,
    operator_ids: Collection[int],
    reason: str,
    by: str,
    at: datetime,
) -> StationCertificate:
    """Revoke a certificate of these operators' stations; again changes nothing.

    Raises:
        UnableToRevoke: ``unknown_certificate`` or ``unknown_reason``.
    """
    if reason not in REASONS:
        raise UnableToRevoke(
            "unknown_reason",
            f"{reason!r} is not one of {', '.join(REASONS)}.",
            http_status=400,
        )
    row = (
        StationCertificate.objects.select_for_update()
        .filter(serial_number=serial_number.lower(), operator_id__in=operator_ids)
        .first()
    )
    if row is None:
        raise UnableToRevoke(
            "unknown_certificate", f"You have no certificate {serial_number!r}."
        )
    if row.state == StationCertificate.State.REVOKED:
        return row
    row.state = StationCertificate.State.REVOKED
    row.revoked_at, row.revoke_reason = at, reason
    row.save(update_fields=["state", "revoked_at", "revoke_reason"])
    wake_trust()
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action="station_certificate.revoked",
        object=f"certificate {row.serial_number}",
        changes={"reason": reason},
        at=at,
    )
    return row


def revoked_serials() -> frozenset[str]:
    """Serial numbers (hex) that must not be let in; for the gateway's memory."""
    rows = StationCertificate.objects.filter(state=StationCertificate.State.REVOKED)
    return frozenset(rows.values_list("serial_number", flat=True))


@transaction.atomic
def crl(*, authority_id: int, at: datetime) -> bytes:
    """The DER list of what this CA revoked.

    Raises:
        UnableToRevoke: ``unknown_authority``.
    """
    rows = StationAuthority.objects.select_related("parent").select_for_update(
        of=("self",)
    )
    row = rows.filter(pk=authority_id).first()
    if row is None:
        raise UnableToRevoke("unknown_authority", f"There is no CA {authority_id}.")
    StationAuthority.objects.filter(pk=row.pk).update(crl_number=F("crl_number") + 1)
    signer = authority.load(row)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(at)
        .next_update(at + CRL_LIFE)
        .add_extension(x509.CRLNumber(row.crl_number + 1), critical=False)
    )
    for found in StationCertificate.objects.filter(
        authority=row, state=StationCertificate.State.REVOKED
    ):
        builder = builder.add_revoked_certificate(_revoked(found))
    signed = builder.sign(signer.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def _revoked(row: StationCertificate) -> x509.RevokedCertificate:
    reason = x509.CRLReason(x509.ReasonFlags(row.revoke_reason or "unspecified"))
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(row.serial_number, 16))
        .revocation_date(row.revoked_at or row.created_at)
    )
    if row.revoke_reason != "unspecified":  # RFC 5280 5.3.1: leave it out then
        builder = builder.add_extension(reason, critical=False)
    return builder.build()


def ocsp_answer(request: bytes, *, at: datetime) -> bytes:
    """The DER answer to a DER question; a bad question has an answer too."""
    if len(request) > OCSP_BYTES_MAX:
        return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    try:
        asked = ocsp.load_der_ocsp_request(request)
        algorithm = asked.hash_algorithm
    except (ValueError, NotImplementedError):
        return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    for row in StationAuthority.objects.select_related("parent").order_by("-pk"):
        signer = authority.load(row)
        if _is_issuer(signer, asked, algorithm):
            return _answer(signer, asked, at)
    return _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)


def _is_issuer(
    signer: authority.Authority,
    asked: ocsp.OCSPRequest,
    algorithm: hashes.HashAlgorithm,
) -> bool:
    certificate = signer.certificate
    own = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, certificate, algorithm)
        .build()
    )
    # The key's hash names a CA; of a sub-CA the name's hash would be its issuer's.
    return own.issuer_key_hash == asked.issuer_key_hash


def _answer(
    signer: authority.Authority, asked: ocsp.OCSPRequest, at: datetime
) -> bytes:
    row = StationCertificate.objects.filter(
        authority=signer.row, serial_number=f"{asked.serial_number:x}"
    ).first()
    if row is None:
        status = ocsp.OCSPCertStatus.UNKNOWN
    elif row.state == StationCertificate.State.REVOKED:
        status = ocsp.OCSPCertStatus.REVOKED
    else:
        status = ocsp.OCSPCertStatus.GOOD
    revoked = row if status == ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number,
        algorithm=asked.hash_algorithm,
        cert_status=status,
        this_update=at,
        next_update=at + OCSP_LIFE,
        revocation_time=None if revoked is None else revoked.revoked_at,
        revocation_reason=(
            None if revoked is None else x509.ReasonFlags(revoked.revoke_reason)
        ),
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    nonce = _nonce(asked)
    if nonce is not None:
        builder = builder.add_extension(nonce, critical=False)
    signed = builder.sign(signer.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def _nonce(asked: ocsp.OCSPRequest) -> x509.OCSPNonce | None:
    try:
        return asked.extensions.get_extension_for_class(x509.OCSPNonce).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    built = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    return built.public_bytes(serialization.Encoding.DER)
