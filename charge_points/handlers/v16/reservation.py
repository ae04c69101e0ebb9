"""OCPP 1.6, profile Reservation (5.1, 5.13).

1.6 tells of a reservation's end only by the connector's status.
"""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers import reservations as common
from charge_points.handlers.registry import Payload, Route
from charge_points.ocpp.versions import V16
from charge_points.services import reservations

PROFILE: Final = "Reservation"


def reserve(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """ReserveNow (5.13); connector 0 reserves any."""
    payload: Payload = {
        "connectorId": arguments["evse"],
        "expiryDate": arguments["expires_at"],
        "idTag": arguments["id_token"],
        "reservationId": arguments["reservation"],
    }
    if arguments.get("group"):
        payload["parentIdTag"] = arguments["group"]
    return "ReserveNow", payload


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = common.outgoing(V16, PROFILE)
INTENTS: Final = {reservations.RESERVE: reserve, reservations.CANCEL: common.cancel}
