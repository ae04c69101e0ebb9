"""The moves of reservations: state, row and event together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from charge_points import events
from charge_points.models import Reservation
from charge_points.models.states import RESERVATION
from cpms.outbox import publish_many

REASON_CHARS_MAX: Final = 120


def activate(rows: Sequence[Reservation], at: datetime) -> None:
    """The station keeps the connector from now on."""
    for row in rows:
        RESERVATION.require(row.state, "active")
        row.state = Reservation.State.ACTIVE
        row.active_from = at
    Reservation.objects.bulk_update(rows, ["state", "active_from"])
    _tell(rows, at)


def end(rows: Sequence[Reservation], state: str, *, reason: str, at: datetime) -> None:
    """A reservation is over: used, cancelled, expired, removed, rejected, failed."""
    for row in rows:
        RESERVATION.require(row.state, state)
        row.state = Reservation.State(state)
        row.ended_at = at
        row.end_reason = reason[:REASON_CHARS_MAX]
    Reservation.objects.bulk_update(
        rows, ["state", "ended_at", "end_reason", "transaction"]
    )
    _tell(rows, at)


def _tell(rows: Sequence[Reservation], at: datetime) -> None:
    """Billing prices reservations by their time and by how they ended (OCPI 2.3)."""
    publish_many(
        [
            events.reservation_changed(
                operator_id=row.operator_id,
                reservation=events.Reserved(
                    reservation_id=row.pk,
                    charge_point_id=row.charge_point_id,
                    evse=row.evse_number,
                    id_token=row.id_token,
                    state=row.state,
                    active_from=row.active_from,
                    expires_at=row.expires_at,
                    transaction_id=row.transaction_id,
                ),
                at=at,
            )
            for row in rows
        ]
    )
