"""Certificates on the station's own display (OCPP 2.0.1, block O): stock chargers.

A station whose vehicles cannot read a DataTransfer, but that has a display, shows the
certificate of a plug-in to the driver's phone. The message ends with the certificate.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from django.db import connection, transaction

from charge_points import events
from charge_points.events import iso
from charge_points.models import (
    ChargingCertificate,
    Connector,
    DeviceVariable,
    PlugInEpisode,
)
from charge_points.services import commands
from cpms.accounts.models import Operator
from cpms.kernel.errors import DomainError
from cpms.outbox import publish_many

BY_DISPLAY: Final = "display"
MESSAGE_IDS_FROM: Final = 1_000_000_000
"""Ids of our messages: this plus the connector's, so that a new one replaces it."""

MESSAGE_ID_RANGE: Final = 1_000_000_000
COMMAND_LIFETIME: Final = timedelta(seconds=60)
SHOWN_FOR: Final = timedelta(minutes=15)
"""So long after the plug-in an expired certificate is replaced on the display."""

COMPONENT: Final = "DisplayMessageCtrlr"

log = structlog.get_logger(__name__)

_WITH_DISPLAY: Final = """
SELECT DISTINCT charge_point_id FROM charge_points_devicevariable
WHERE charge_point_id = ANY(%s) AND component = %s AND variable = 'Available'
  AND attribute = 'Actual' AND lower(value) = 'true'
"""


def tell_plugged_in(begun: Iterable[tuple[int, int, int, datetime]]) -> None:
    """Have a worker show certificates where an episode began, if there is a display.

    Args:
        begun: (operator id, charge point id, connector id, at).
    """
    rows = list(begun)
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(_WITH_DISPLAY, [sorted({row[1] for row in rows}), COMPONENT])
        found = {key for (key,) in cursor.fetchall()}
    publish_many(
        [
            events.plugged_in(operator_id=operator_id, connector_id=connector_id, at=at)
            for operator_id, charge_point_id, connector_id, at in rows
            if charge_point_id in found
        ]
    )


def set_message(
    place: Connector, *, uri: str, jti: str, expires_at: datetime, at: datetime
) -> None:
    """Ask the station to show the address of a certificate until its end.

    Raises:
        UnableToQueueCommand: too much waits for the station already.
    """
    payload = _message(place, uri=uri, expires_at=expires_at)
    _queue(place, "SetDisplayMessage", payload, jti, at)


def _message(place: Connector, *, uri: str, expires_at: datetime) -> dict[str, Any]:
    """O01.FR.06: only formats that the station has told are used."""
    if "URI" in _formats(place.charge_point_id):
        shown = {"format": "URI", "content": _page(place, uri)}
    else:
        where = f"EVSE {place.evse_number}: {uri}"
        shown = {"format": "UTF8", "content": where}
    return {
        "message": {
            "id": message_id(place.pk),
            "priority": "InFront",
            "endDateTime": iso(expires_at),
            "message": shown,
        }
    }


def _page(place: Connector, uri: str) -> str:
    """Our page for displays; a station accepts no language, so its operator's."""
    code = (
        Operator.objects.filter(pk=place.operator_id)
        .values_list("default_language", flat=True)
        .get()
    )
    return f"{uri}/display?{urlencode({'language': code})}"


def _formats(charge_point_id: int) -> set[str]:
    found = DeviceVariable.objects.filter(
        charge_point_id=charge_point_id,
        component=COMPONENT,
        variable__in=["SupportedFormats", "DisplayMessageSupportedFormats"],
        attribute="Actual",
    ).values_list("value", flat=True)
    return {word.strip().upper() for value in found for word in value.split(",")}


def message_id(connector_id: int) -> int:
    """The id of the one message of ours that a connector may have."""
    return MESSAGE_IDS_FROM + connector_id % MESSAGE_ID_RANGE


def _queue(
    place: Connector, action: str, payload: Mapping[str, Any], key: str, at: datetime
) -> None:
    commands.queue(
        charge_point_id=place.charge_point_id,
        action=action,
        payload=payload,
        by="certificates",
        idempotency_key=f"{action}:{key}",
        expires_at=at + COMMAND_LIFETIME,
        at=at,
    )


def clear(*, connector_id: int, jti: str, at: datetime) -> None:
    """Take a certificate off the display before its time: used, or gone.

    A station that cannot be asked now drops the message by itself at its end.
    """
    place = Connector.objects.get(pk=connector_id)
    payload = {"id": message_id(connector_id)}
    try:
        with transaction.atomic():
            _queue(place, "ClearDisplayMessage", payload, jti, at)
    except DomainError as error:
        log.info("certificate_not_cleared", connector=connector_id, error=error.code)


def tell_expired(rows: Iterable[ChargingCertificate], *, at: datetime) -> None:
    """Replace what has expired on a display while somebody may still stand there."""
    shown = {row.episode_id: row for row in rows if row.requested_by == BY_DISPLAY}
    if not shown:
        return
    fresh = PlugInEpisode.objects.filter(
        pk__in=shown, ended_at__isnull=True, started_at__gt=at - SHOWN_FOR
    ).values_list("operator_id", "charge_point_id", "connector_id")
    tell_plugged_in((*row, at) for row in fresh)
