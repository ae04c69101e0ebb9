"""Stations' certificates from the operator's own CA, asked over HTTP.

POST of JSON (``csr`` in PEM, ``charge_point``, ``operator``) to ``STATION_CA_URL`` with
the bearer of ``STATION_CA_TOKEN``; the answer has ``certificate_chain``: the leaf and
its sub-CAs, PEM. What the CA answers is checked as if a stranger had: it has to be a
client's certificate for exactly this key and this charge point.
"""

import logging
from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar, Final

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from django.db import IntegrityError, transaction

from charge_points.models import ChargePoint, SigningRequest, StationCertificate
from charge_points.services import security
from charge_points.services.facts import SecurityRow
from charge_points.services.public_keys import csr as requests
from charge_points.services.public_keys.delivering import send_chain
from charge_points.services.security_kinds import CERTIFICATE_NOT_ISSUED
from cpms.kernel.errors import DomainError
from cpms.net.guarded import UnableToReach, post

logger = logging.getLogger(__name__)

BATCH_MAX: Final = 50
ATTEMPTS_MAX: Final = 12
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
CLAIM: Final = timedelta(minutes=15)
"""So long no other worker asks for a request that one took."""

REQUESTS_MAX: Final = 10
"""Of one station in a day."""

CHAIN_CHARS_MAX: Final = 10_000
"""``certificateChain`` of CertificateSigned."""

CERTIFICATES_MAX: Final = 5
SERIAL_CHARS_MAX: Final = 40
RETRIED: Final = frozenset({408, 409, 425, 429})

_BAD: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class UnableToUseCa(DomainError):
    """The CA gave no certificate that may be used."""

    http_status: ClassVar[int] = 502


class UnableToIssue(DomainError):
    """The CA refused the request for good."""

    http_status: ClassVar[int] = 422


def is_configured() -> bool:
    """Whether the operator's own CA signs."""
    return bool(settings.STATION_CA_URL)


def ask(station: ChargePoint, *, csr: str, digest: str, at: datetime) -> None:
    """Let a checked request wait for the CA; again is the same request.

    Raises:
        UnableToSign: ``too_many_requests``.
    """
    rows = SigningRequest.objects.filter(charge_point=station)
    known = rows.filter(csr_hash=digest).first()
    if known is None:
        recent = rows.filter(created_at__gt=at - timedelta(days=1))
        if recent.count() >= REQUESTS_MAX:
            raise requests.UnableToSign(
                "too_many_requests",
                f"{station.identity} asked {REQUESTS_MAX} times within a day.",
            )
        SigningRequest.objects.create(
            operator_id=station.operator_id,
            charge_point=station,
            csr=csr,
            csr_hash=digest,
            next_try_at=at,
            created_at=at,
        )
    elif known.state == SigningRequest.State.REFUSED:
        # The station insists: somebody may have put the CA right.
        known.state, known.attempts = SigningRequest.State.WAITING, 0
        known.next_try_at, known.decided_at = at, None
        known.save()


def work(*, at: datetime) -> int:
    """Ask the CA for what is due; never inside a database transaction.

    Returns:
        How many certificates are on their way to their stations.
    """
    if not is_configured():
        return 0
    return sum(_work(row, at) for row in _claimed(at))


@transaction.atomic
def _claimed(at: datetime) -> list[SigningRequest]:
    rows = SigningRequest.objects.select_for_update(
        of=("self",), skip_locked=True
    ).select_related("charge_point", "operator")
    due = rows.filter(state=SigningRequest.State.WAITING, next_try_at__lte=at)
    taken = list(due.order_by("next_try_at")[:BATCH_MAX])
    keys = [row.pk for row in taken]
    SigningRequest.objects.filter(pk__in=keys).update(next_try_at=at + CLAIM)
    return taken


def _work(row: SigningRequest, at: datetime) -> bool:
    try:
        _issued(row, _checked(_answer(row), row, at), at)
    except (UnableToReach, UnableToUseCa, UnableToIssue) as error:
        logger.warning("the CA gave %s no certificate: %s", row.charge_point, error)
        _failed(row, error, at)
        return False
    except IntegrityError:
        _failed(row, UnableToUseCa("ca_number_twice", "Its number is known."), at)
        return False
    return True


def _answer(row: SigningRequest) -> str:
    headers = {"Content-Type": "application/json", "Idempotency-Key": row.csr_hash}
    if settings.STATION_CA_TOKEN:
        headers["Authorization"] = f"Bearer {settings.STATION_CA_TOKEN}"
    body = orjson.dumps(
        {
            "csr": row.csr,
            "charge_point": row.charge_point.identity,
            "operator": row.operator.code,
        }
    )
    answer = post(settings.STATION_CA_URL, body=body, headers=headers)
    if 400 <= answer.status < 500 and answer.status not in RETRIED:
        raise UnableToIssue("ca_refused", f"The CA answered {answer.status}.")
    try:
        told = orjson.loads(answer.body)
        chain = str(told["certificate_chain"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UnableToUseCa(
            "ca_unreadable", f"The CA answered {answer.status} without a chain."
        ) from error
    if answer.status not in {200, 201} or len(chain) > CHAIN_CHARS_MAX:
        raise UnableToUseCa(
            "ca_unreadable", f"The CA answered {answer.status}, or a chain too long."
        )
    return chain


def _checked(
    pem: str, row: SigningRequest, at: datetime
) -> tuple[x509.Certificate, ...]:
    """The chain, when it is for this station and key.

    Raises:
        UnableToUseCa: it is not; the message says why.
    """
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem.encode()))
        wrong = _fault(chain, row, at)
    except _BAD as error:
        raise UnableToUseCa("ca_unreadable", "The chain cannot be read.") from error
    if wrong:
        raise UnableToUseCa("ca_wrong_certificate", f"The CA's certificate {wrong}.")
    return chain


def _fault(
    chain: tuple[x509.Certificate, ...], row: SigningRequest, at: datetime
) -> str:
    leaf, station = chain[0], row.charge_point
    names = tuple(filter(None, (station.identity, station.serial_number)))
    asked = requests.check(row.csr, names=names)
    if _bytes_of(leaf) != asked.key.public_bytes(Encoding.DER, _SPKI):
        return "is for another key"
    found = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [str(name.value) for name in found] != [station.identity]:
        return f"is not for {station.identity!r}"
    if not leaf.not_valid_before_utc <= at < leaf.not_valid_after_utc:
        return "is not valid now"
    number = f"{leaf.serial_number:x}"
    if len(chain) > CERTIFICATES_MAX or len(number) > SERIAL_CHARS_MAX:
        return "has too long a chain or number"
    for one, issuer in pairwise(chain):
        one.verify_directly_issued_by(issuer)
    return _usage_fault(leaf)


_SPKI: Final = PublicFormat.SubjectPublicKeyInfo


def _bytes_of(leaf: x509.Certificate) -> bytes:
    return leaf.public_key().public_bytes(Encoding.DER, _SPKI)


def _usage_fault(leaf: x509.Certificate) -> str:
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return "is that of a CA"
        if isinstance(value, x509.ExtendedKeyUsage) and (
            ExtendedKeyUsageOID.CLIENT_AUTH not in value
        ):
            return "is not meant for clients"
    return ""


@transaction.atomic
def _issued(
    row: SigningRequest, chain: tuple[x509.Certificate, ...], at: datetime
) -> None:
    leaf, *between = chain
    pems = [each.public_bytes(Encoding.PEM).decode() for each in between]
    made, _ = StationCertificate.objects.get_or_create(
        charge_point=row.charge_point,
        csr_hash=row.csr_hash,
        defaults={
            "operator_id": row.operator_id,
            "serial_number": f"{leaf.serial_number:x}",
            "fingerprint": leaf.fingerprint(hashes.SHA256()).hex(),
            "certificate_pem": leaf.public_bytes(Encoding.PEM).decode(),
            "chain_pem": "".join(pems),
            "not_before": leaf.not_valid_before_utc,
            "not_after": leaf.not_valid_after_utc,
            "created_at": at,
        },
    )
    row.state, row.decided_at, row.detail = SigningRequest.State.SIGNED, at, ""
    row.save(update_fields=["state", "decided_at", "detail"])
    send_chain(made, at=at)


@transaction.atomic
def _failed(row: SigningRequest, error: DomainError, at: datetime) -> None:
    """Try again later, longer and longer; tell the operator when it is over."""
    row.attempts += 1
    row.detail = error.message[:255]
    row.next_try_at = at + min(FIRST_PAUSE * 2 ** (row.attempts - 1), LONGEST_PAUSE)
    if isinstance(error, UnableToIssue) or row.attempts >= ATTEMPTS_MAX:
        row.state, row.decided_at = SigningRequest.State.REFUSED, at
        security.record(
            SecurityRow(
                charge_point_id=row.charge_point_id,
                operator_id=row.operator_id,
                kind=CERTIFICATE_NOT_ISSUED,
                occurred_at=at,
                received_at=at,
                detail=row.detail,
            )
        )
    row.save()
