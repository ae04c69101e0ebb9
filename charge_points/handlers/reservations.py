"""Reservations: the answers, which both versions word alike."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from charge_points.handlers.registry import Outgoing, Payload, SentCommand
from charge_points.services import reservations


def cancel(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """CancelReservation (1.6 5.1, 2.0.1 H02)."""
    return "CancelReservation", {"reservationId": arguments["reservation"]}


def _number(sent: Payload) -> int:
    """Of a reservation; 2.0.1 calls it ``id`` where it is made."""
    number: int = sent["id"] if "id" in sent else sent["reservationId"]
    return number


def on_reserved(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, Faulted, Occupied, Rejected or Unavailable."""
    reservations.record_reserved(
        charge_point_id=command.charge_point_id,
        number=_number(command.payload),
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
        number=_number(command.payload),
        code=code,
        at=at,
    )


def on_cancelled(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Rejected says that the station knows no such reservation: gone as well."""
    reservations.record_cancelled(
        charge_point_id=command.charge_point_id,
        number=_number(command.payload),
        status=answer["status"],
        at=at,
    )


def outgoing(version: str, block: str) -> tuple[Outgoing, ...]:
    """What the CSMS sends, for a version's table."""
    return (
        Outgoing(version, "CancelReservation", block, on_cancelled, repeatable=True),
        Outgoing(
            version,
            "ReserveNow",
            block,
            on_reserved,
            on_reserve_error,
            repeatable=True,
        ),
    )
