"""Starting and stopping for an order: reserve the connector, ask, take back."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from charge_points.events import iso
from charge_points.models import (
    ChargingCertificate,
    Connector,
    StartHandle,
    Transaction,
)
from charge_points.services import commands, handles, limits
from charge_points.services.authorization import lock_handle
from charge_points.services.rows import insert_unless_exists
from cpms.kernel.errors import DomainError

SWEEP_MAX: Final = 500
STOP_RETRY: Final = timedelta(minutes=2)


class UnableToReserve(DomainError):
    """The connector cannot take another order."""


class UnableToRequestStart(DomainError):
    """The order has no start to ask for."""


@transaction.atomic
def reserve(
    *,
    operator_id: int,
    charge_point_identity: str,
    evse: int,
    connector: int,
    order_number: str,
    at: datetime,
) -> StartHandle:
    """Give a connector to an order, until its hold stands and the start is asked for.

    The same order again gives the same handle.

    Raises:
        UnableToReserve: unknown connector, another live order, or a charge runs.
    """
    place = (
        Connector.objects.select_for_update(no_key=True, of=("self",))
        .filter(
            operator_id=operator_id,
            charge_point__identity=charge_point_identity,
            evse_number=evse,
            number=connector,
        )
        .first()
    )
    if place is None:
        raise UnableToReserve(
            "unknown_connector",
            f"{charge_point_identity} has no EVSE {evse} with connector {connector}.",
            http_status=404,
        )
    known = StartHandle.objects.filter(order_number=order_number).first()
    if known is not None and known.connector_id == place.pk:
        return known
    _free_overdue(place, at)
    _require_idle(place)
    row = StartHandle(
        operator_id=operator_id,
        order_number=order_number,
        charge_point_id=place.charge_point_id,
        connector_id=place.pk,
        start_by=at + timedelta(seconds=settings.CERTIFICATE_CLAIMED_LIFETIME_S),
        created_at=at,
    )
    if not insert_unless_exists(row):
        raise _busy(place)
    return row


def _busy(place: Connector) -> UnableToReserve:
    return UnableToReserve(
        "connector_busy",
        f"Connector {place} is taken by another charge; wait, or use another one.",
    )


def _free_overdue(place: Connector, at: datetime) -> None:
    overdue = StartHandle.objects.filter(
        connector_id=place.pk, state="pending", start_by__lt=at
    ).values_list("order_number", flat=True)
    numbers = list(overdue)
    if numbers:
        failures = [handles.Failure(number, handles.TIMED_OUT) for number in numbers]
        handles.fail_many(failures, at=at, timed_out=True)


def _require_idle(place: Connector) -> None:
    """A 2.0.1 transaction without token yet is no charge: the order attaches to it."""
    running = Transaction.objects.filter(connector_id=place.pk, state="active")
    if running.exclude(announced_at__isnull=True).exists():
        raise _busy(place)


@transaction.atomic
def request_start(
    *,
    order_number: str,
    energy_limit_wh: int | None,
    ends_by: datetime | None,
    at: datetime,
    start_by: datetime | None = None,
) -> StartHandle:
    """Step 6 of the flow: write the start down and let the gateway ask for it.

    Args:
        order_number: becomes the idTag / idToken.
        energy_limit_wh: taken over by the transaction; None: no limit.
        ends_by: as well.
        at: now.
        start_by: latest start; None: after START_TIMEOUT_S.

    Raises:
        UnableToRequestStart: no such handle, or it is no longer pending.
    """
    row = lock_handle(order_number)
    if row is None or row.state not in {"pending", "started"}:
        state = "unknown" if row is None else row.state
        raise UnableToRequestStart(
            "start_not_pending",
            f"The start of order {order_number} is {state}; make a new order.",
        )
    if row.requested_at is not None:
        return row
    row.requested_at = at
    row.start_by = start_by or at + timedelta(seconds=settings.START_TIMEOUT_S)
    row.energy_limit_wh = energy_limit_wh
    row.ends_by = ends_by
    row.save(update_fields=["requested_at", "start_by", "energy_limit_wh", "ends_by"])
    ChargingCertificate.objects.filter(
        order_number=order_number, state="claimed"
    ).update(expires_at=row.start_by)
    place = Connector.objects.get(pk=row.connector_id)
    commands.queue_intent(
        charge_point_id=row.charge_point_id,
        intent="start",
        arguments={
            "evse": place.evse_number,
            "connector": place.number,
            "id_token": order_number,
            "remote_start_id": row.pk,
            "energy_limit_wh": energy_limit_wh,
            "ends_by": None if ends_by is None else iso(ends_by),
        },
        by="billing",
        idempotency_key=f"start:{order_number}",
        expires_at=row.start_by,
        at=at,
        order_number=order_number,
    )
    return row


@transaction.atomic
def request_stop(*, order_number: str, reason: str, at: datetime) -> bool:
    """Ask the charge of an order to stop; before it began, take the start back.

    Returns:
        False when there is nothing to stop any more.
    """
    running = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(order_number=order_number, state__in=("active", "refused"))
        .first()
    )
    if running is not None:
        limits.request_stop(running, reason=reason, at=at)
        return True
    return cancel(order_number=order_number, at=at)


@transaction.atomic
def cancel(*, order_number: str, at: datetime) -> bool:
    """Free the connector of an order whose charge has not begun.

    A station that was asked already and starts all the same gets Invalid. A charge
    that runs is asked to stop.

    Returns:
        Whether there was anything to take back.
    """
    seen = StartHandle.objects.filter(order_number=order_number).first()
    if seen is not None and seen.state == "started":
        return _stop_started(order_number, at)
    row = lock_handle(order_number)
    if row is None or row.state != "pending":
        return False
    row.state = StartHandle.State.CANCELLED
    row.ended_at = at
    row.end_reason = "cancelled"
    row.save(update_fields=["state", "ended_at", "end_reason"])
    handles.withdraw_commands([order_number], at=at)
    return True


def _stop_started(order_number: str, at: datetime) -> bool:
    """Charges are locked before handles, so the handle is not locked here."""
    running = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(order_number=order_number, state="active")
        .first()
    )
    if running is not None and running.stop_requested_at is None:
        limits.request_stop(running, reason="cancelled", at=at)
    return running is not None


@transaction.atomic
def time_out(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Sweep: fail the starts that nothing followed within their time.

    Returns:
        How many timed out.
    """
    numbers = list(
        StartHandle.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(state="pending", start_by__lt=at)
        .order_by("start_by")
        .values_list("order_number", flat=True)[:limit]
    )
    failures = [handles.Failure(number, handles.TIMED_OUT) for number in numbers]
    return handles.fail_many(failures, at=at, timed_out=True)


@transaction.atomic
def stop_overdue(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Sweep: enforce time limits of silent charges, and ask again where it failed.

    Returns:
        How many charges were asked to stop.
    """
    rows = list(
        Transaction.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(state="active", ends_by__lte=at, stop_requested_at__isnull=True)
        .order_by("ends_by")[:limit]
    )
    for row in rows:
        limits.request_stop(row, reason="time limit", at=at)
    again = list(
        Transaction.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(
            state__in=("active", "refused"),
            stop_requested_at__lte=at - STOP_RETRY,
            stop_attempts__lt=limits.STOP_ATTEMPTS_MAX,
        )
        .order_by("stop_requested_at")[:limit]
    )
    waiting = commands_waiting([row.charge_point_id for row in again])
    for row in again:
        if row.ocpp_id not in waiting.get(row.charge_point_id, set()):
            limits.request_stop(row, reason="asked again", at=at)
    return len(rows) + len(again)


def commands_waiting(charge_point_ids: list[int]) -> dict[int, set[str]]:
    """OCPP ids of transactions whose stop still waits, by charge point."""
    found = commands.open_stops(charge_point_ids=charge_point_ids)
    waiting: dict[int, set[str]] = {}
    for charge_point_id, ocpp_id in found:
        waiting.setdefault(charge_point_id, set()).add(ocpp_id)
    return waiting
