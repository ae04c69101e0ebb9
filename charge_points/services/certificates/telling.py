"""Telling a station that a certificate ended before its time (design page 1.3).

The revocation names the certificate by its code. Only its hash is kept for finding
it, so the code itself stays sealed on the row for as long as the certificate waits
for a vehicle; once told, it opens nothing any more. What the station itself brought
about (unplug, reboot) or was told with the certificate (expiry) it is not told again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from charge_points.models import ChargingCertificate
from charge_points.services import commands
from cpms.accounts.services.sealing import seal, unseal
from cpms.kernel.errors import DomainError

TELL_FOR: Final = timedelta(seconds=60)
BY_STATION: Final = "station"

log = structlog.get_logger(__name__)


def sealed(code: str, *, requested_by: str) -> str:
    """The code for its row; nothing where no station will have to be told."""
    return seal(code) if requested_by == BY_STATION else ""


def tell_revoked(rows: Iterable[ChargingCertificate], *, at: datetime) -> None:
    """Queue ``ChargingCertificateRevoked`` for certificates that ended just now.

    Telling is a courtesy: the platform refuses the certificate whatever the station
    knows, so a full queue or a lost key changes nothing for the caller. The caller
    saves the rows.
    """
    for row in rows:
        held, row.sealed_code = row.sealed_code, ""
        if not held or row.expires_at <= at:
            continue
        try:
            with transaction.atomic():
                commands.queue_intent(
                    charge_point_id=row.charge_point_id,
                    intent="certificate_revoked",
                    arguments={"code": unseal(held), "reason": row.end_reason},
                    by="certificates",
                    idempotency_key=f"revoked:{row.jti}",
                    expires_at=at + TELL_FOR,
                    at=at,
                )
        except DomainError as error:
            log.info("revocation_not_told", certificate=row.pk, error=error.code)
