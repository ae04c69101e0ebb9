"""From a station's request to the signed chain on its way, and renewal in time."""

from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives import hashes
from django.db import transaction
from django.db.models import Max

from charge_points import events
from charge_points.models import ChargePoint, Command, StationCertificate
from charge_points.services import commands, security
from charge_points.services.facts import SecurityRow
from charge_points.services.public_keys import authority, external
from charge_points.services.public_keys.csr import UnableToSign, check
from charge_points.services.public_keys.delivering import SIGNER, send_chain
from cpms.kernel.ids import sha256_hex
from cpms.outbox import publish

LIFETIME: Final = timedelta(days=365)
RENEW_BEFORE: Final = timedelta(days=30)
WARN_BEFORE: Final = timedelta(days=7)
REQUESTS_MAX: Final = 10
"""Certificates of one station in a day: a station that asks in a loop is broken."""

RENEWALS_MAX: Final = 500
"""Stations asked by one run, so that they do not all come at once."""

RETRY_AFTER: Final = timedelta(days=3)
"""A station that did not answer lets others come first until then."""

BAD_CSR: Final = "InvalidCsr"


@transaction.atomic
def request_signature(*, charge_point_id: int, csr: str, at: datetime) -> list[str]:
    """Sign a station's request; the chain goes to it as ``CertificateSigned``.

    The same request again gives the same certificate once more (A02: the station
    repeats what it got no certificate for).

    With ``STATION_CA_URL`` the operator's own CA signs: later, by ``external``.

    Returns:
        The quirks that were tolerated.

    Raises:
        UnableToSign: see ``csr.check``; also ``too_many_requests``. A security event
            is kept by ``note_refused``.
    """
    station = (
        ChargePoint.objects.select_related("operator")
        .select_for_update(of=("self",))
        .get(pk=charge_point_id)
    )
    names = tuple(filter(None, (station.identity, station.serial_number)))
    checked = check(csr, names=names)
    digest = sha256_hex(csr)
    known = StationCertificate.objects.filter(charge_point=station, csr_hash=digest)
    row = known.select_related("authority__parent").first()
    if row is None and external.is_configured():
        external.ask(station, csr=csr, digest=digest, at=at)
        return list(checked.quirks)
    if row is None:
        _require_calm(station, at)
        signer = authority.signing(at=at)
        certificate = authority.issue(
            signer,
            key=checked.key,
            identity=station.identity,
            organization=station.operator.name,
            at=at,
            life=LIFETIME,
        )
        row = StationCertificate.objects.create(
            operator_id=station.operator_id,
            charge_point=station,
            authority=signer.row,
            serial_number=f"{certificate.serial_number:x}",
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            certificate_pem=authority.pem_of(certificate),
            csr_hash=digest,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            created_at=at,
        )
    send_chain(row, at=at)
    return list(checked.quirks)


def _require_calm(station: ChargePoint, at: datetime) -> None:
    recent = StationCertificate.objects.filter(
        charge_point=station, created_at__gt=at - timedelta(days=1)
    )
    if recent.count() >= REQUESTS_MAX:
        raise UnableToSign(
            "too_many_requests",
            f"{station.identity} got {REQUESTS_MAX} certificates within a day.",
        )


def note_refused(
    *, charge_point_id: int, operator_id: int, error: UnableToSign, at: datetime
) -> None:
    """A request that was refused is something to look at."""
    security.record(
        SecurityRow(
            charge_point_id=charge_point_id,
            operator_id=operator_id,
            source="platform",
            kind=BAD_CSR,
            occurred_at=at,
            received_at=at,
            detail=error.message,
        )
    )


@transaction.atomic
def record_signed(
    *, charge_point_id: int, certificate_chain: str, accepted: bool, at: datetime
) -> None:
    """The station's answer to ``CertificateSigned``."""
    rows = StationCertificate.objects.filter(
        charge_point_id=charge_point_id, state=StationCertificate.State.ISSUED
    )
    for row in rows:
        if not certificate_chain.startswith(row.certificate_pem):
            continue
        state = StationCertificate.State
        row.state = state.INSTALLED if accepted else state.REJECTED
        row.installed_at = at if accepted else None
        row.save(update_fields=["state", "installed_at"])


@transaction.atomic
def renew_due(*, at: datetime) -> int:
    """Ask stations whose newest certificate ends soon for a new request; warn late.

    Returns:
        How many stations were asked.
    """
    asked_lately = Command.objects.filter(
        requested_by=SIGNER,
        action__in=["ExtendedTriggerMessage", "TriggerMessage"],
        created_at__gt=at - RETRY_AFTER,
    ).values("charge_point_id")
    ending = (
        StationCertificate.objects.filter(state=StationCertificate.State.INSTALLED)
        .values("charge_point_id")
        .annotate(ends_at=Max("not_after"))
        .filter(ends_at__lt=at + RENEW_BEFORE, ends_at__gt=at)
        .exclude(charge_point_id__in=asked_lately)
        .order_by("ends_at")[:RENEWALS_MAX]
    )
    asked = 0
    for found in ending:
        station = ChargePoint.objects.get(pk=found["charge_point_id"])
        if station.ocpp_version:
            _trigger(station, at=at)
            asked += 1
        if found["ends_at"] < at + WARN_BEFORE:
            _warn(station, found["ends_at"], at=at)
    return asked


def _trigger(station: ChargePoint, *, at: datetime) -> None:
    """1.6: ExtendedTriggerMessage; 2.0.1: TriggerMessage (A02)."""
    is_16 = station.ocpp_version == "1.6"
    wanted = "SignChargePointCertificate" if is_16 else "SignChargingStationCertificate"
    commands.queue(
        charge_point_id=station.pk,
        action="ExtendedTriggerMessage" if is_16 else "TriggerMessage",
        payload={"requestedMessage": wanted},
        by=SIGNER,
        idempotency_key=f"renew {station.pk} {at:%Y-%m-%d}",
        expires_at=at + timedelta(days=1),
        at=at,
    )


def _warn(station: ChargePoint, ends_at: datetime, *, at: datetime) -> None:
    rows = StationCertificate.objects.filter(
        charge_point=station, not_after=ends_at, warned_at__isnull=True
    )
    if rows.update(warned_at=at):
        topic, operator_id, key, payload = events.station_certificate_expiring(
            operator_id=station.operator_id,
            charge_point_id=station.pk,
            charge_point=station.identity,
            ends_at=ends_at,
            at=at,
        )
        publish(topic, operator_id=operator_id, key=key, payload=payload)
