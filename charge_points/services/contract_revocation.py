"""Whether a contract was revoked: OCSP answers, verified (RFC 6960 3.2).

Asks over HTTP: never inside a database transaction.
"""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from charge_points.services import plug_and_charge
from charge_points.services.contract_chains import (
    OcspQuestion,
    has_issued,
    trusted_authorities,
)
from cpms.kernel.errors import DomainError

CLOCK_SKEW: Final = timedelta(minutes=5)
GOOD: Final = "good"
REVOKED: Final = "revoked"
UNKNOWN: Final = "unknown"
_WORDS: Final = {
    ocsp.OCSPCertStatus.GOOD: GOOD,
    ocsp.OCSPCertStatus.REVOKED: REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: UNKNOWN,
}


class UnableToVerifyAnswer(DomainError):
    """The responder's answer is not signed by whom it should be, or is too old."""

    http_status: ClassVar[int] = 502


def status_of(
    question: OcspQuestion,
    *,
    roots: Sequence[x509.Certificate],
    path: Sequence[x509.Certificate] = (),
    at: datetime,
) -> str:
    """Ask about one certificate: "good", "revoked" or "unknown".

    Args:
        question: which one, and where.
        roots: who is trusted.
        path: CAs that lead to them, as far as they are known.
        at: now.

    Raises:
        UnableToAskResponder: no usable answer.
        UnableToVerifyAnswer: an answer that proves nothing.
    """
    text = plug_and_charge.certificate_status(
        question.asked, responder_url=question.responder_url
    )
    try:
        answer = ocsp.load_der_ocsp_response(base64.b64decode(text))
        return _verified(answer, question, roots, path, at)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnableToVerifyAnswer(
            "ocsp_unreadable", "The responder's answer has unreadable parts."
        ) from error


def _verified(
    answer: ocsp.OCSPResponse,
    question: OcspQuestion,
    roots: Sequence[x509.Certificate],
    path: Sequence[x509.Certificate],
    at: datetime,
) -> str:
    asked = question.asked
    if answer.issuer_key_hash.hex() != asked.issuer_key.lower():
        raise UnableToVerifyAnswer(
            "ocsp_other", "The responder answered for another issuer."
        )
    until = answer.next_update_utc
    if answer.this_update_utc > at + CLOCK_SKEW or (
        until is not None and until < at - CLOCK_SKEW
    ):
        raise UnableToVerifyAnswer(
            "ocsp_stale", "The responder's answer is not of now."
        )
    known = trusted_authorities(roots, (*path, *answer.certificates), at)
    issuer = next((each for each in known if _is_issuer(each, answer)), None)
    if issuer is None:
        raise UnableToVerifyAnswer(
            "ocsp_unknown_issuer", "The certificate's issuer leads to no trusted root."
        )
    signers = [issuer, *(c for c in answer.certificates if _is_delegate(c, issuer, at))]
    if not any(_has_signed(signer, answer) for signer in signers):
        raise UnableToVerifyAnswer(
            "ocsp_signature", "The responder's answer is not signed for the issuer."
        )
    return _WORDS[answer.certificate_status]


def _is_issuer(certificate: x509.Certificate, answer: ocsp.OCSPResponse) -> bool:
    own = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, certificate, answer.hash_algorithm)
        .build()
    )
    return own.issuer_key_hash == answer.issuer_key_hash


def _is_delegate(
    certificate: x509.Certificate, issuer: x509.Certificate, at: datetime
) -> bool:
    """A responder that the issuer itself certified for this (RFC 6960 4.2.2.2)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in usage.value
        and certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
        and has_issued(issuer, certificate)
    )


def _has_signed(signer: x509.Certificate, answer: ocsp.OCSPResponse) -> bool:
    key, digest = signer.public_key(), answer.signature_hash_algorithm
    if digest is None:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(
                answer.signature,
                answer.tbs_response_bytes,
                padding.PKCS1v15(),
                digest,
            )
        else:
            return False
    except InvalidSignature:
        return False
    return True
