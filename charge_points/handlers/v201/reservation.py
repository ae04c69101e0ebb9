"""OCPP 2.0.1, block H: reservation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    Route,
    SentCommand,
)
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


def cancel(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """CancelReservation (H02)."""
    return "CancelReservation", {"reservationId": arguments["reservation"]}


def on_reserved(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, Faulted, Occupied, Rejected or Unavailable."""
    reservations.record_reserved(
        charge_point_id=command.charge_point_id,
        number=command.payload["id"],
        status=answer["status"],
        at=at,
    )


def on_reserve_error(
    command: SentCommand, code: str, description: str, at: datetime
) -> None:
    """The station refused to understand, or never answered."""
    del description
    reservations.record_reserve_failed(
        charge_point_id=command.charge_point_id,
        number=command.payload["id"],
        code=code,
        at=at,
    )


def on_cancelled(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Rejected says that the station knows no such reservation: gone as well."""
    reservations.record_cancelled(
        charge_point_id=command.charge_point_id,
        number=command.payload["reservationId"],
        status=answer["status"],
        at=at,
    )


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
OUTGOING: Final = (
    Outgoing(V201, "CancelReservation", "H", on_cancelled, repeatable=True),
    Outgoing(V201, "ReserveNow", "H", on_reserved, on_reserve_error, repeatable=True),
)
INTENTS: Final = {reservations.RESERVE: reserve, reservations.CANCEL: cancel}
