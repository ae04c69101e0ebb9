"""Reservations: a connector kept for a token, until it is used or its time is over."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from charge_points.events import iso
from charge_points.models import ChargePoint, Evse, Reservation, Transaction
from charge_points.models.states import RESERVATION_LIVE
from charge_points.services import authorization, commands, security
from charge_points.services.facts import SecurityRow
from charge_points.services.id_tokens import TOKEN_CHARS_MAX, token_key
from charge_points.services.reservation_moves import activate, end
from charge_points.services.rows import insert_unless_exists
from cpms.kernel.errors import DomainError

RESERVE: Final = "reserve"
CANCEL: Final = "cancel_reservation"
KEY: Final = "reserve:"
"""With the reservation's number: the idempotency key of its command."""

LIFETIME_MAX: Final = timedelta(days=7)
ANSWER_WITHIN: Final = timedelta(minutes=2)
"""A reservation that reaches the station later is of no use to anybody."""

NUMBER_MAX: Final = 2**31 - 1
NUMBERS_TRIED_MAX: Final = 8
LIVE_PER_STATION_MAX: Final = 64
SWEEP_MAX: Final = 500
TELLS_EXPIRY_WITHIN: Final = timedelta(minutes=5)
"""So long the station's own word about an expiry is waited for."""


class UnableToReserveConnector(DomainError):
    """The reservation is not taken."""


class UnableToCancelReservation(DomainError):
    """There is nothing to cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReservation:
    """What somebody wants to have reserved.

    Args:
        charge_point_id: where.
        evse: its number; 0: any EVSE of the station.
        id_token: who may charge; its group may as well.
        expires_at: the end.
        idempotency_key: asking again with it gives the same reservation.
        connector_type: 2.0.1 only, such as "cCCS2"; empty: any.
        id_token_type: as 2.0.1 names it.
    """

    charge_point_id: int
    evse: int
    id_token: str
    expires_at: datetime
    idempotency_key: str
    connector_type: str = ""
    id_token_type: str = ""


@transaction.atomic
def reserve(*, wanted: NewReservation, by: str, at: datetime) -> Reservation:
    """Write a reservation down and ask the station for it (1.6 5.13, 2.0.1 H01).

    The same key again gives the same reservation.

    Raises:
        UnableToReserveConnector: unknown place, bad token or time, reserved already.
    """
    station = ChargePoint.objects.filter(pk=wanted.charge_point_id).first()
    if station is None:
        raise _refused("unknown_charge_point", "There is no such charge point.", 404)
    known = Reservation.objects.filter(
        charge_point=station, idempotency_key=wanted.idempotency_key
    ).first()
    if known is not None:
        return known
    _check(wanted, station, at)
    row = _insert(wanted, station, by=by, at=at)
    commands.queue_intent(
        charge_point_id=station.pk,
        intent=RESERVE,
        arguments={
            "reservation": row.number,
            "evse": row.evse_number,
            "connector_type": row.connector_type,
            "id_token": wanted.id_token.strip(),
            "id_token_type": wanted.id_token_type,
            "group": row.group_id,
            "expires_at": iso(row.expires_at),
        },
        by=by,
        idempotency_key=f"{KEY}{row.number}",
        expires_at=min(at + ANSWER_WITHIN, row.expires_at),
        at=at,
    )
    return row


def _refused(code: str, message: str, status: int = 409) -> UnableToReserveConnector:
    return UnableToReserveConnector(code, message, http_status=status)


def _check(wanted: NewReservation, station: ChargePoint, at: datetime) -> None:
    key = token_key(wanted.id_token)
    if not key or len(key) > TOKEN_CHARS_MAX or not key.isprintable():
        raise _refused("token_invalid", "A token has 1 to 255 characters.", 422)
    if not at < wanted.expires_at <= at + LIFETIME_MAX:
        days = LIFETIME_MAX.days
        raise _refused(
            "expiry_invalid", f"A reservation ends within the next {days} days.", 422
        )
    places = Evse.objects.filter(charge_point=station, number=wanted.evse)
    if wanted.evse and not places.exists():
        raise _refused(
            "unknown_evse", f"{station.identity} has no EVSE {wanted.evse}.", 404
        )
    live = Reservation.objects.filter(charge_point=station, state__in=RESERVATION_LIVE)
    if wanted.evse and live.filter(evse_number=wanted.evse).exists():
        raise _refused("reserved_already", f"EVSE {wanted.evse} is reserved already.")
    if live.count() >= LIVE_PER_STATION_MAX:
        raise _refused("too_many_reservations", "The station has no room for more.")


def _insert(
    wanted: NewReservation, station: ChargePoint, *, by: str, at: datetime
) -> Reservation:
    key = token_key(wanted.id_token)
    policies = authorization.find_policies([(key, station.operator_id)])
    policy = policies.get((key, station.operator_id))
    for _ in range(NUMBERS_TRIED_MAX):
        last = (
            Reservation.objects.filter(charge_point=station)
            .order_by("-number")
            .values_list("number", flat=True)
            .first()
        )
        row = Reservation(
            operator_id=station.operator_id,
            charge_point=station,
            number=(last or 0) % NUMBER_MAX + 1,
            evse_number=wanted.evse,
            connector_type=wanted.connector_type,
            id_token=key,
            id_token_type=wanted.id_token_type,
            group_id="" if policy is None else policy.group_id,
            requested_by=by[:120],
            idempotency_key=wanted.idempotency_key[:128],
            created_at=at,
            expires_at=wanted.expires_at,
        )
        if insert_unless_exists(row):
            return row
        same = Reservation.objects.filter(
            charge_point=station, idempotency_key=row.idempotency_key
        ).first()
        if same is not None:
            return same
    raise _refused("reserved_already", f"EVSE {wanted.evse} is reserved already.")


@transaction.atomic
def cancel(*, reservation_id: int, by: str, at: datetime) -> Reservation:
    """Ask the station to free what was reserved (1.6 5.1, 2.0.1 H02).

    A request that the station never got is taken back at once.

    Raises:
        UnableToCancelReservation: unknown, or it has ended already.
    """
    row = (
        Reservation.objects.select_for_update(no_key=True)
        .filter(pk=reservation_id)
        .first()
    )
    if row is None or row.state not in RESERVATION_LIVE:
        state = "unknown" if row is None else row.state
        raise UnableToCancelReservation(
            "reservation_over", f"The reservation is {state}; nothing is cancelled."
        )
    if row.state == Reservation.State.REQUESTED and commands.withdraw(
        charge_point_id=row.charge_point_id, key=f"{KEY}{row.number}", at=at
    ):
        end([row], "cancelled", reason=f"by {by}", at=at)
        return row
    commands.queue_intent(
        charge_point_id=row.charge_point_id,
        intent=CANCEL,
        arguments={"reservation": row.number},
        by=by,
        idempotency_key=f"cancel reservation:{row.number}:{iso(at)}",
        expires_at=row.expires_at if row.expires_at > at else at + ANSWER_WITHIN,
        at=at,
    )
    return row


def _locked(charge_point_id: int, number: int) -> Reservation | None:
    return (
        Reservation.objects.select_for_update(no_key=True)
        .filter(charge_point_id=charge_point_id, number=number)
        .first()
    )


@transaction.atomic
def record_reserved(
    *, charge_point_id: int, number: int, status: str, at: datetime
) -> None:
    """ReserveNow was answered: Accepted, or why not (Occupied, Faulted …)."""
    row = _locked(charge_point_id, number)
    if row is None or row.state != Reservation.State.REQUESTED:
        return
    if status == "Accepted":
        activate([row], at)
        return
    end([row], "rejected", reason=status, at=at)


@transaction.atomic
def record_reserve_failed(
    *, charge_point_id: int, number: int, code: str, at: datetime
) -> None:
    """No answer to ReserveNow: nobody knows, so that the station is asked to cancel."""
    row = _locked(charge_point_id, number)
    if row is None or row.state != Reservation.State.REQUESTED:
        return
    end([row], "failed", reason=code, at=at)
    if code not in {"Timeout", "ConnectionLost"}:
        return
    commands.queue_intent(
        charge_point_id=charge_point_id,
        intent=CANCEL,
        arguments={"reservation": number},
        by="system",
        idempotency_key=f"cancel reservation:{number}:unknown",
        expires_at=max(row.expires_at, at + ANSWER_WITHIN),
        at=at,
    )


@transaction.atomic
def record_cancelled(
    *, charge_point_id: int, number: int, status: str, at: datetime
) -> None:
    """CancelReservation was answered; Rejected: the station has no such one."""
    row = _locked(charge_point_id, number)
    if row is None or row.state not in RESERVATION_LIVE:
        return
    reason = "" if status == "Accepted" else "unknown to the station"
    end([row], "cancelled", reason=reason, at=at)


@transaction.atomic
def record_update(
    *, charge_point_id: int, operator_id: int, number: int, status: str, at: datetime
) -> bool:
    """ReservationStatusUpdate (2.0.1 H04): Expired or Removed.

    Returns:
        Whether the reservation is one of ours.
    """
    row = _locked(charge_point_id, number)
    if row is None:
        security.record_many(
            [
                SecurityRow(
                    charge_point_id=charge_point_id,
                    operator_id=operator_id,
                    kind="UnknownReservation",
                    occurred_at=at,
                    received_at=at,
                    detail=f"Reservation {number} was reported as {status}.",
                )
            ]
        )
        return False
    if row.state == Reservation.State.REQUESTED and status == "Removed":
        activate([row], at)
    if row.state in RESERVATION_LIVE:
        word = "expired" if status == "Expired" else "removed"
        end([row], word, reason="told by the station", at=at)
    return True


def use_many(charges: Sequence[tuple[Transaction, int | None]]) -> None:
    """Charges that were admitted use up reservations: never refused ones.

    A charge uses the reservation that it names, if the token or its group is the
    reserved one (2.0.1 H03); one that names none, that of its EVSE (or of the whole
    station) for its token or group.

    Args:
        charges: (the stored transaction, the reservation that the station named).
    """
    stations = {row.charge_point_id for row, _ in charges}
    if not stations:
        return
    live = list(
        Reservation.objects.select_for_update(no_key=True)
        .filter(charge_point_id__in=stations, state__in=RESERVATION_LIVE)
        .order_by("pk")
    )
    if not live:
        return
    groups = _groups({(row.id_token, row.operator_id) for row, _ in charges})
    for charge, number in charges:
        found = _match(live, charge, number, groups)
        if found is not None:
            live.remove(found)
            found.transaction = charge
            end([found], "used", reason="", at=charge.received_at)


def _groups(tokens: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
    found = authorization.find_policies(set(tokens))
    return {key: policy.group_id for key, policy in found.items()}


def _match(
    live: Sequence[Reservation],
    charge: Transaction,
    number: int | None,
    groups: Mapping[tuple[str, int], str],
) -> Reservation | None:
    group = groups.get((charge.id_token, charge.operator_id), "")
    fits = [
        row
        for row in live
        if row.charge_point_id == charge.charge_point_id
        and (row.id_token == charge.id_token or (group and group == row.group_id))
    ]
    named = [row for row in fits if row.number == number]
    if named:
        return named[0]
    here = [row for row in fits if row.evse_number in {0, charge.evse_number}]
    here.sort(key=lambda row: (-row.evse_number, row.expires_at))
    return here[0] if here else None


@transaction.atomic
def note_statuses(changes: Sequence[tuple[int, int, str, str, datetime]]) -> None:
    """Follow reservations by the connectors' states (1.6 tells no more).

    Args:
        changes: (charge point id, EVSE, status before, status now, at), where one of
            the two is "reserved".
    """
    for charge_point_id, evse, before, now, at in changes:
        rows = list(_live_at(charge_point_id, evse))
        if now == "reserved":
            activate([row for row in rows if row.state == "requested"], at)
        elif before == "reserved" and now == "available":
            active = [row for row in rows if row.state == "active"]
            over = [row for row in active if row.expires_at <= at]
            end(over, "expired", reason="told by the connector", at=at)
            gone = [row for row in active if row.expires_at > at]
            end(gone, "removed", reason="told by the connector", at=at)


def _live_at(charge_point_id: int, evse: int) -> QuerySet[Reservation]:
    return (
        Reservation.objects.select_for_update(no_key=True)
        .filter(
            charge_point_id=charge_point_id,
            evse_number=evse,
            state__in=RESERVATION_LIVE,
        )
        .order_by("pk")
    )


@transaction.atomic
def expire(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Task: end what is over, also when the station never says so.

    Returns:
        How many expired.
    """
    quiet = Q(state="requested") | Q(expires_at__lte=at - TELLS_EXPIRY_WITHIN)
    rows = list(
        Reservation.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(quiet, state__in=RESERVATION_LIVE, expires_at__lte=at)
        .order_by("expires_at")[:limit]
    )
    end(rows, "expired", reason="", at=at)
    return len(rows)
