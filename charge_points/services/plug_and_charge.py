"""ISO 15118 Plug & Charge: asking OCSP responders and the contract provider.

Everything here calls out over HTTP: never inside a database transaction.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import ClassVar, Final

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.conf import settings
from django.core.cache import cache

from charge_points.services.public_keys import CertificateHash
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import sha256_hex
from cpms.net.guarded import UnableToReach, post

OCSP_CHARS_MAX: Final = 5_500
EXI_CHARS_MAX: Final = 7_500
CACHE_S_MAX: Final = 24 * 3600
CACHE_S_DEFAULT: Final = 300
HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


class UnableToAskResponder(DomainError):
    """The OCSP responder gave no usable answer."""

    http_status: ClassVar[int] = 502


class UnableToAskProvider(DomainError):
    """The contract certificate provider gave no usable answer."""

    http_status: ClassVar[int] = 502


def certificate_status(asked: CertificateHash, *, responder_url: str) -> str:
    """The responder's answer about a certificate, DER in Base64 (2.0.1 M06).

    A good answer is kept until the responder says that there is a newer one.

    Raises:
        UnableToAskResponder: unreachable, refused by the guard, or no answer.
    """
    name = f"{asked} {responder_url}"
    key = f"ocsp:{sha256_hex(name)}"
    known = cache.get(key)
    if known is not None:
        return str(known)
    try:
        request = _request(asked)
        answer = post(
            responder_url,
            body=request,
            headers={"Content-Type": "application/ocsp-request"},
        )
    except UnableToReach as error:
        raise UnableToAskResponder(error.code, error.message) from error
    life_s = _check(answer.status, answer.body, asked)
    text = base64.b64encode(answer.body).decode()
    if len(text) > OCSP_CHARS_MAX:
        raise UnableToAskResponder(
            "ocsp_too_long", f"The answer is longer than {OCSP_CHARS_MAX} characters."
        )
    cache.set(key, text, life_s)
    return text


def _request(asked: CertificateHash) -> bytes:
    try:
        algorithm = HASHES[asked.algorithm]()
        built = (
            ocsp.OCSPRequestBuilder()
            .add_certificate_by_hash(
                binascii.unhexlify(asked.issuer_name),
                binascii.unhexlify(asked.issuer_key),
                int(asked.serial_number, 16),
                algorithm,
            )
            .build()
        )
    except (KeyError, ValueError) as error:
        raise UnableToAskResponder(
            "ocsp_request_invalid", "The hashes of the certificate cannot be read."
        ) from error
    return built.public_bytes(Encoding.DER)


def _check(status: int, body: bytes, asked: CertificateHash) -> int:
    """Seconds for which the answer may be kept."""
    if status != 200:
        raise UnableToAskResponder("ocsp_refused", f"The responder answered {status}.")
    try:
        answer = ocsp.load_der_ocsp_response(body)
        if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise UnableToAskResponder(
                "ocsp_refused", f"The responder says {answer.response_status.name}."
            )
        serial, until = answer.serial_number, answer.next_update_utc
    except ValueError as error:
        raise UnableToAskResponder(
            "ocsp_unreadable", "The responder's answer cannot be read."
        ) from error
    if serial != int(asked.serial_number, 16):
        raise UnableToAskResponder(
            "ocsp_other", "The responder answered for another certificate."
        )
    if until is None:
        return CACHE_S_DEFAULT
    left = int((until - datetime.now(UTC)).total_seconds())
    return max(0, min(CACHE_S_MAX, left))


def ev_certificate(*, schema_version: str, action: str, exi_request: str) -> str:
    """Relay a vehicle's EXI request to the configured provider (2.0.1 M01, M02).

    Raises:
        UnableToAskProvider: none is configured, it does not answer, or badly.
    """
    url = settings.CONTRACT_PROVIDER_URL
    if not url:
        raise UnableToAskProvider(
            "no_contract_provider", "CONTRACT_PROVIDER_URL is not set."
        )
    body = orjson.dumps(
        {
            "iso15118SchemaVersion": schema_version,
            "action": action,
            "exiRequest": exi_request,
        }
    )
    try:
        answer = post(url, body=body, headers={"Content-Type": "application/json"})
    except UnableToReach as error:
        raise UnableToAskProvider(error.code, error.message) from error
    try:
        told = orjson.loads(answer.body)
        text = told["exiResponse"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UnableToAskProvider(
            "provider_unreadable", f"The provider answered {answer.status} without EXI."
        ) from error
    is_text = isinstance(text, str) and 1 <= len(text) <= EXI_CHARS_MAX
    if answer.status != 200 or not is_text:
        raise UnableToAskProvider(
            "provider_refused", f"The provider answered {answer.status}."
        )
    return str(text)
