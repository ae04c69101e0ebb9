"""Using a certificate once (steps 4 and 5 of the flow), and its end."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from charge_points.models import ChargingCertificate, Connector, StartHandle
from charge_points.models.states import CERTIFICATE
from charge_points.services import displays, handles
from charge_points.services.certificates.verifying import (
    CertificateView,
    find,
    jti_of,
    view_of,
)
from cpms.kernel.errors import DomainError

SWEEP_MAX: Final = 500
KEY_CHARS_MAX: Final = 128


class UnableToClaim(DomainError):
    """Somebody else was first, or the certificate is not live any more."""


@transaction.atomic
def claim(
    *,
    presented: str,
    order_number: str,
    idempotency_key: str,
    at: datetime,
    seen: CertificateView | None = None,
) -> CertificateView:
    """Give a certificate to one order: of any number of claims one wins.

    It then lives until the hold has to stand (``CERTIFICATE_CLAIMED_LIFETIME_S``). The
    same idempotency key again gets the first answer, with the first order number.

    ``seen`` is what ``verify`` said of ``presented`` a moment ago, if it was asked.

    Raises:
        UnableToVerifyCertificate: it is no certificate of ours.
        UnableToClaim: certificate_already_claimed (409) or certificate_expired (410).
    """
    if seen is None:
        seen = view_of(find(jti_of(presented), ChargingCertificate.objects.all()))
    jti = seen.jti
    # The connector is locked first, here as in every report about it.
    Connector.objects.select_for_update(no_key=True).get(pk=seen.connector_id)
    rows = ChargingCertificate.objects.select_for_update(no_key=True, of=("self",))
    row = find(jti, rows)
    if row.state in {"claimed", "started"}:
        return _repeat(row, idempotency_key)
    if row.state != "issued" or row.expires_at <= at:
        raise UnableToClaim(
            "certificate_expired",
            "The charging certificate is no longer valid; plug in again or scan the "
            "code at the charge point again.",
            http_status=410,
        )
    CERTIFICATE.require(row.state, "claimed")
    row.state = ChargingCertificate.State.CLAIMED
    row.claimed_at = at
    row.order_number = order_number
    row.idempotency_key = idempotency_key[:KEY_CHARS_MAX]
    row.expires_at = at + timedelta(seconds=settings.CERTIFICATE_CLAIMED_LIFETIME_S)
    row.sealed_code = ""
    row.save(
        update_fields=[
            "state",
            "sealed_code",
            "claimed_at",
            "order_number",
            "idempotency_key",
            "expires_at",
        ]
    )
    if row.requested_by == displays.BY_DISPLAY:
        displays.clear(connector_id=row.connector_id, jti=row.jti, at=at)
    return view_of(row)


def _repeat(row: ChargingCertificate, idempotency_key: str) -> CertificateView:
    if idempotency_key and row.idempotency_key == idempotency_key[:KEY_CHARS_MAX]:
        return view_of(row)
    raise UnableToClaim(
        "certificate_already_claimed",
        "This charging certificate was used already; plug in again for a new one.",
    )


def is_waiting(*, connector_id: int, at: datetime) -> bool:
    """Whether a certificate of this connector waits for a vehicle now."""
    return ChargingCertificate.objects.filter(
        connector_id=connector_id, state="issued", expires_at__gt=at
    ).exists()


@transaction.atomic
def release(*, order_number: str, reason: str, at: datetime) -> bool:
    """The order will not charge (declined, cancelled, failed): end its certificate.

    Returns:
        False when it has ended already.
    """
    moved = handles.end_certificates(
        [order_number], state="failed", reasons={order_number: reason}, at=at
    )
    return moved > 0


@transaction.atomic
def close(*, order_number: str, at: datetime) -> bool:
    """The charge of the order ended: its certificate has done its work.

    Returns:
        False when it has ended already.
    """
    moved = handles.end_certificates([order_number], state="closed", reasons={}, at=at)
    return moved > 0


@transaction.atomic
def expire(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Sweep: end certificates whose time ran out.

    A claimed one belongs to a start; as long as that is pending, the start's own
    timeout decides, so that order, hold and certificate end together.

    Returns:
        How many expired.
    """
    rows = list(
        ChargingCertificate.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(state__in=CERTIFICATE.sources("expired"), expires_at__lte=at)
        .order_by("expires_at")[:limit]
    )
    numbers = [row.order_number for row in rows if row.order_number]
    pending = set(
        StartHandle.objects.filter(
            order_number__in=numbers, state="pending"
        ).values_list("order_number", flat=True)
    )
    due = [row for row in rows if row.order_number not in pending]
    for row in due:
        row.state = ChargingCertificate.State.EXPIRED
        row.ended_at, row.sealed_code = at, ""
    ChargingCertificate.objects.bulk_update(due, ["state", "ended_at", "sealed_code"])
    displays.tell_expired(due, at=at)
    return len(due)
