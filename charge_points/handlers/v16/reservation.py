"""OCPP 1.6, profile Reservation (5.1, 5.13).

1.6 tells of a reservation's end only by the connector's status.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers.registry import Outgoing, Payload, Route, SentCommand
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


def cancel(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """CancelReservation (5.1)."""
    return "CancelReservation", {"reservationId": arguments["reservation"]}


def on_reserved(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, Faulted, Occupied, Rejected or Unavailable."""
    reservations.record_reserved(
        charge_point_id=command.charge_point_id,
        number=command.payload["reservationId"],
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
        number=command.payload["reservationId"],
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


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = (
    Outgoing(V16, "CancelReservation", PROFILE, on_cancelled, repeatable=True),
    Outgoing(
        V16, "ReserveNow", PROFILE, on_reserved, on_reserve_error, repeatable=True
    ),
)
INTENTS: Final = {reservations.RESERVE: reserve, reservations.CANCEL: cancel}
