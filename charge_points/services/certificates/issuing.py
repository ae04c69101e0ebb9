"""Making a certificate for one present request (steps 1 to 3 of the flow)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import jwt
from django.conf import settings
from django.db import transaction

from charge_points.models import (
    ChargePoint,
    ChargingCertificate,
    Connector,
    PlugInEpisode,
    StartHandle,
    Transaction,
)
from charge_points.models.states import CERTIFICATE
from charge_points.services.certificates.codes import new_code, uri_of
from charge_points.services.certificates.keys import signing_key
from charge_points.services.certificates.telling import (
    BY_STATION,
    sealed,
    tell_revoked,
)
from charge_points.services.episodes import begin_many
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import sha256_b64url

REQUEST_ID_CHARS_MAX: Final = 64
REASON_CHARS_MAX: Final = 60


class UnableToIssueCertificate(DomainError):
    """The connector cannot have a certificate now."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """The only moment at which code and JWS are known."""

    code: str
    jws: str
    uri: str
    expires_at: datetime
    jti: str

    def __repr__(self) -> str:
        """Never the secret: this lands in logs."""
        return f"IssuedCertificate(jti={self.jti!r})"


@transaction.atomic
def issue(
    *, connector_id: int, request_id: str, at: datetime, requested_by: str
) -> IssuedCertificate:
    """Issue a certificate; the one that waited for a vehicle before is superseded.

    Args:
        connector_id: for which connector.
        request_id: the station's own number of its request, or anything.
        at: now.
        requested_by: "station" (DataTransfer, plug-in), "label" (somebody scanned the
            printed code) or "display". Only a station can ask without a known plug-in.

    Raises:
        UnableToIssueCertificate: unknown connector, nothing plugged in, or an order
            or a charge has the connector.
    """
    place = (
        Connector.objects.select_for_update(no_key=True).filter(pk=connector_id).first()
    )
    if place is None:
        raise UnableToIssueCertificate(
            "unknown_connector",
            f"There is no connector {connector_id}.",
            http_status=404,
        )
    _make_room(place, at)
    episode = _episode(place, requested_by, at)
    code = new_code()
    kid, key = signing_key(at=at)
    row = ChargingCertificate.objects.create(
        operator_id=place.operator_id,
        charge_point_id=place.charge_point_id,
        connector_id=place.pk,
        episode_id=episode.pk,
        jti=sha256_b64url(code),
        kid=kid,
        sealed_code=sealed(code, requested_by=requested_by),
        request_id=request_id[:REQUEST_ID_CHARS_MAX],
        requested_by=requested_by[:20],
        issued_at=at,
        expires_at=at + timedelta(seconds=settings.CERTIFICATE_LIFETIME_S),
    )
    identity = ChargePoint.objects.values_list("identity", flat=True).get(
        pk=place.charge_point_id
    )
    payload = {
        "jti": row.jti,
        "iss": settings.PUBLIC_BASE_URL,
        "sub": identity,
        "evse": place.evse_number,
        "connector": place.number,
        "rid": row.request_id,
        "iat": int(row.issued_at.timestamp()),
        "exp": int(row.expires_at.timestamp()),
    }
    jws = jwt.encode(payload, key, algorithm="ES256", headers={"kid": kid})
    return IssuedCertificate(code, jws, uri_of(code), row.expires_at, row.jti)


def _make_room(place: Connector, at: datetime) -> None:
    """Supersede a waiting certificate; one that is paid for keeps the connector."""
    live = ChargingCertificate.objects.select_for_update(no_key=True).filter(
        connector_id=place.pk, state__in=("issued", "claimed", "started")
    )
    for row in live:
        if row.state != "issued":
            raise _busy(place)
        CERTIFICATE.require(row.state, "superseded")
        row.state = ChargingCertificate.State.SUPERSEDED
        row.ended_at, row.end_reason = at, "superseded"
        tell_revoked([row], at=at)
        row.save(update_fields=["state", "ended_at", "end_reason", "sealed_code"])
    taken = StartHandle.objects.filter(
        connector_id=place.pk, state__in=("pending", "started")
    )
    running = Transaction.objects.filter(
        connector_id=place.pk, state="active", announced_at__isnull=False
    )
    if taken.exists() or running.exists():
        raise _busy(place)


def _busy(place: Connector) -> UnableToIssueCertificate:
    return UnableToIssueCertificate(
        "connector_busy",
        f"Connector {place} is taken by another charge; wait for its end.",
    )


# A request of the station itself is also its word that something is plugged in.
def _episode(place: Connector, requested_by: str, at: datetime) -> PlugInEpisode:
    live = PlugInEpisode.objects.filter(connector_id=place.pk, ended_at__isnull=True)
    found = live.first()
    if found is not None:
        return found
    if requested_by != BY_STATION:
        raise UnableToIssueCertificate(
            "not_plugged_in",
            "No vehicle is plugged in here; plug in and scan again.",
        )
    begin_many([(place.operator_id, place.charge_point_id, place.pk, at, "request")])
    return live.get()


@transaction.atomic
def revoke(*, connector_id: int, reason: str, at: datetime) -> int:
    """Kill the certificate of a connector that waits for a vehicle.

    Returns:
        1 when there was one.
    """
    Connector.objects.select_for_update(no_key=True).filter(pk=connector_id).first()
    row = (
        ChargingCertificate.objects.select_for_update(no_key=True)
        .filter(connector_id=connector_id, state__in=("issued",))
        .first()
    )
    if row is None:
        return 0
    CERTIFICATE.require(row.state, "revoked")
    row.state = ChargingCertificate.State.REVOKED
    row.ended_at, row.end_reason = at, reason[:REASON_CHARS_MAX]
    tell_revoked([row], at=at)
    row.save(update_fields=["state", "ended_at", "end_reason", "sealed_code"])
    return 1
