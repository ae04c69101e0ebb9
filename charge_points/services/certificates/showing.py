"""A certificate for the display of a stock charger (design page 1.2, step 3)."""

from datetime import datetime

import structlog
from django.db import transaction

from charge_points.models import ChargingCertificate, Connector
from charge_points.services import commands, displays
from charge_points.services.certificates.issuing import (
    UnableToIssueCertificate,
    issue,
)

log = structlog.get_logger(__name__)


@transaction.atomic
def show(*, connector_id: int, at: datetime) -> bool:
    """Issue a certificate for a plug-in and have the station show it.

    Nothing happens where a certificate waits already (the station asked for one of
    its own), a charge runs, or the vehicle has gone.

    Returns:
        Whether there is something to show.
    """
    place = Connector.objects.select_related("charge_point").get(pk=connector_id)
    waiting = ChargingCertificate.objects.filter(
        connector_id=connector_id, state="issued", expires_at__gt=at
    )
    if waiting.exists():
        return False
    try:
        with transaction.atomic():
            issued = issue(
                connector_id=connector_id,
                request_id=displays.BY_DISPLAY,
                at=at,
                requested_by=displays.BY_DISPLAY,
            )
            displays.set_message(
                place,
                uri=issued.uri,
                jti=issued.jti,
                expires_at=issued.expires_at,
                at=at,
            )
    except (UnableToIssueCertificate, commands.UnableToQueueCommand) as error:
        log.info("certificate_not_shown", connector=connector_id, error=error.code)
        return False
    return True
