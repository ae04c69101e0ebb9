"""Reading what a vehicle or a phone presents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import jwt
from django.db.models import QuerySet

from charge_points.models import ChargingCertificate
from charge_points.services.certificates.codes import code_in
from charge_points.services.certificates.keys import public_jwk
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import sha256_b64url

PRESENTED_CHARS_MAX: Final = 2000
INVALID: Final = "certificate_invalid"
EXPIRED: Final = "certificate_expired"


class UnableToVerifyCertificate(DomainError):
    """What was presented is no live certificate. The words tell a guesser nothing."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate as others may see it; ``power_w`` 0: nobody said."""

    jti: str
    charge_point_identity: str
    operator_id: int
    site_id: int
    evse: int
    connector: int
    connector_id: int
    power_w: int
    state: str
    expires_at: datetime
    episode_started_at: datetime
    issued_at: datetime
    order_number: str | None = None


def invalid() -> UnableToVerifyCertificate:
    """One refusal for everything that is not ours."""
    return UnableToVerifyCertificate(
        INVALID, "This is no charging certificate of this platform; ask for a new one."
    )


def expired() -> UnableToVerifyCertificate:
    """One refusal for everything that was ours once."""
    return UnableToVerifyCertificate(
        EXPIRED,
        "The charging certificate is no longer valid; plug in again or scan the code "
        "at the charge point again.",
        http_status=410,
    )


def verify(*, presented: str, at: datetime) -> CertificateView:
    """Check a certificate in any of its forms: JWS, short code, or address.

    Args:
        presented: what the vehicle or the phone brings.
        at: now, by the server's clock; nobody else's counts.

    Returns:
        The view, of state "issued", "claimed" or "started".

    Raises:
        UnableToVerifyCertificate: certificate_invalid (404): not one of ours;
            certificate_expired (410): not live any more.
    """
    row = find(jti_of(presented), ChargingCertificate.objects.all())
    view = view_of(row)
    dead = row.state not in {"issued", "claimed", "started"}
    if dead or (row.state == "issued" and row.expires_at <= at):
        raise expired()
    return view


def find(jti: str, rows: QuerySet[ChargingCertificate]) -> ChargingCertificate:
    """The row of a hash.

    Raises:
        UnableToVerifyCertificate: there is none.
    """
    row = (
        rows.filter(jti=jti)
        .select_related("charge_point", "connector", "episode")
        .first()
    )
    if row is None:
        raise invalid()
    return row


def jti_of(presented: str) -> str:
    """The hash of the certificate in what is presented; signatures are checked.

    Raises:
        UnableToVerifyCertificate: it is neither a code nor a JWS of ours.
    """
    if len(presented) > PRESENTED_CHARS_MAX:
        raise invalid()
    text = presented.strip()
    if text.count(".") == 2 and "/" not in text:
        return _jti_of_jws(text)
    code = code_in(text)
    if code is None:
        raise invalid()
    return sha256_b64url(code)


def _jti_of_jws(text: str) -> str:
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        jwk = public_jwk(kid) if isinstance(kid, str) else None
        if jwk is None:
            raise invalid()
        # Times are judged by the row: its claim may have made it live longer.
        payload: dict[str, Any] = jwt.decode(
            text,
            jwt.PyJWK({**jwk, "alg": "ES256"}),
            algorithms=["ES256"],
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_aud": False,
                "require": ["jti", "sub", "exp"],
            },
        )
    except jwt.PyJWTError as error:
        raise invalid() from error
    return str(payload["jti"])


def view_of(row: ChargingCertificate) -> CertificateView:
    """The view of a row whose relations are loaded."""
    return CertificateView(
        jti=row.jti,
        charge_point_identity=row.charge_point.identity,
        operator_id=row.operator_id,
        site_id=row.charge_point.site_id,
        evse=row.connector.evse_number,
        connector=row.connector.number,
        connector_id=row.connector_id,
        power_w=row.connector.max_power_w,
        state=row.state,
        expires_at=row.expires_at,
        episode_started_at=row.episode.started_at,
        issued_at=row.issued_at,
        order_number=row.order_number,
    )
