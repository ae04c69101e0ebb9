"""OCPP 2.0.1, block H: reservation."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers import reservations as common
from charge_points.handlers.registry import Answer, Payload, Request, Route
from charge_points.handlers.v201.local_auth_list import type_of
from charge_points.ocpp.versions import V201
from charge_points.services import reservations

UNKNOWN_RESERVATION: Final = "unknown_reservation"


def reserve(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """ReserveNow (H01); without evseId any EVSE, or any of a connector type."""
    payload: Payload = {
        "id": arguments["reservation"],
        "expiryDateTime": arguments["expires_at"],
        "idToken": {
            "idToken": arguments["id_token"],
            "type": type_of(arguments.get("id_token_type", "")),
        },
    }
    if arguments["evse"]:
        payload["evseId"] = arguments["evse"]
    if arguments.get("connector_type"):
        payload["connectorType"] = arguments["connector_type"]
    if arguments.get("group"):
        payload["groupIdToken"] = {"idToken": arguments["group"], "type": "Central"}
    return "ReserveNow", payload


def reservation_status_update(request: Request) -> Answer:
    """ReservationStatusUpdate (H04): Expired or Removed."""
    is_known = reservations.record_update(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        number=request.payload["reservationId"],
        status=request.payload["reservationUpdateStatus"],
        at=request.received_at,
    )
    if not is_known:
        request.quirks.append(UNKNOWN_RESERVATION)
    return {}


ROUTES: Final = (
    Route(V201, "ReservationStatusUpdate", reservation_status_update, "one", "H"),
)
OUTGOING: Final = common.outgoing(V201, "H")
INTENTS: Final = {reservations.RESERVE: reserve, reservations.CANCEL: common.cancel}
