"""Asking: a command row, once per idempotency key."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from charge_points.models import ChargePoint, Command
from charge_points.models.states import COMMAND_OPEN
from charge_points.services.commands import secrets, splitting
from charge_points.services.rows import insert_unless_exists
from charge_points.services.wake import wake_commands
from cpms.kernel.errors import DomainError
from cpms.kernel.json import content_hash

QUEUED_MAX: Final = 100
"""Commands of one charge point that wait or are under way."""
STOP_LIFETIME: Final = timedelta(minutes=10)
REPEATABLE_INTENTS: Final = frozenset(
    {
        "stop",
        "certificate_revoked",
        "unlock",
        "trigger",
        "set_display",
        "send_local_list",
        "get_local_list_version",
        "reserve",
        "cancel_reservation",
        "set_charging_profile",
        "clear_charging_profile",
        "cost_updated",
        "set_password",
        "set_security_profile",
    }
)
"""Asking twice does no harm; ``start`` and ``reset`` are not among them."""


class UnableToQueueCommand(DomainError):
    """The command is not taken."""


@transaction.atomic
def queue(  # noqa: PLR0913 - the fields of one row, all named
    *,
    charge_point_id: int,
    action: str,
    payload: Mapping[str, Any],
    by: str,
    idempotency_key: str,
    expires_at: datetime,
    at: datetime,
    scheduled_at: datetime | None = None,
) -> Command:
    """Queue an OCPP action with its payload as the station's version writes it.

    The same key and content again gives the same row. What is too long for the
    station leaves as several CALLs (``splitting``).

    Args:
        charge_point_id: who is asked.
        action: the OCPP action, such as "Reset".
        payload: exactly as in the specification.
        by: who asks, for the record.
        idempotency_key: unique per charge point.
        expires_at: not sent later than this.
        at: now.
        scheduled_at: not sent earlier; None: at once.

    Raises:
        UnableToQueueCommand: unknown charge point, queue full, expiry in the past, or
            the key was used for something else.
    """
    payloads = splitting.chunks(charge_point_id, action, payload)
    wanted = Command(
        charge_point_id=charge_point_id,
        action=action,
        request_id=secrets.request_id(payload),
        requested_by=by,
        idempotency_key=idempotency_key,
        parts=len(payloads) if len(payloads) > 1 else 0,
        created_at=at,
        scheduled_at=scheduled_at or at,
        expires_at=expires_at,
    )
    secrets.keep(wanted, payload)
    row = _add(wanted)
    if row is wanted and row.parts:
        splitting.add_parts(row, payloads)
    return row


@transaction.atomic
def queue_intent(  # noqa: PLR0913 - the fields of one row, all named
    *,
    charge_point_id: int,
    intent: str,
    arguments: Mapping[str, Any],
    by: str,
    idempotency_key: str,
    expires_at: datetime,
    at: datetime,
    scheduled_at: datetime | None = None,
    order_number: str = "",
) -> Command:
    """Queue something that each OCPP version says in its own words when it is sent.

    As ``queue``; ``order_number`` ties a start or stop to its order.

    Raises:
        UnableToQueueCommand: as ``queue``.
    """
    return _add(
        Command(
            charge_point_id=charge_point_id,
            intent=intent,
            arguments=dict(arguments),
            order_number=order_number,
            repeatable=intent in REPEATABLE_INTENTS,
            requested_by=by,
            idempotency_key=idempotency_key,
            created_at=at,
            scheduled_at=scheduled_at or at,
            expires_at=expires_at,
        )
    )


def _add(row: Command) -> Command:
    open_ones = Command.objects.filter(
        charge_point_id=OuterRef("pk"), state__in=COMMAND_OPEN
    )
    counted = open_ones.order_by().values("charge_point_id").annotate(n=Count("pk"))
    station = (
        ChargePoint.objects.filter(pk=row.charge_point_id)
        .annotate(waiting=Coalesce(Subquery(counted.values("n")), 0))
        .values_list("operator_id", "identity", "waiting")
        .first()
    )
    if station is None:
        raise UnableToQueueCommand(
            "unknown_charge_point",
            f"There is no charge point {row.charge_point_id}.",
            http_status=404,
        )
    row.operator_id, identity, waiting = station
    if row.expires_at <= row.created_at:
        raise UnableToQueueCommand(
            "command_expired", "The expiry lies in the past; nothing was queued."
        )
    if waiting >= QUEUED_MAX:
        raise UnableToQueueCommand(
            "command_queue_full",
            f"{waiting} commands of {identity} wait already; wait, or cancel some.",
            http_status=429,
        )
    if not insert_unless_exists(row):
        return _known(row)
    wake_commands([row.charge_point_id])
    return row


def _content(row: Command) -> str:
    payload = secrets.opened(row.payload, row.sealed_payload)
    return content_hash([row.intent, row.arguments, row.action, payload])


def _known(row: Command) -> Command:
    """The row that has the key already.

    Raises:
        UnableToQueueCommand: it asks for something else.
    """
    known = Command.objects.get(
        charge_point_id=row.charge_point_id, idempotency_key=row.idempotency_key
    )
    same = known.intent == row.intent and known.arguments == row.arguments
    if not row.intent:
        # Nothing remembers the secrets of a command that is over, so its key alone has
        # to do.
        over = known.state not in COMMAND_OPEN
        same = known.action == row.action and (over or _content(known) == _content(row))
    if not same:
        raise UnableToQueueCommand(
            "idempotency_key_reused",
            "This idempotency key was used for another command; take a new one.",
            http_status=422,
        )
    return known


def cancel(*, command_id: int, at: datetime) -> bool:
    """Take a command back that has not been sent.

    Returns:
        False when it was sent already or ended.
    """
    return bool(cancel_many(command_ids=[command_id], at=at))


@transaction.atomic
def cancel_many(*, command_ids: Iterable[int], at: datetime) -> list[int]:
    """Take back those of the commands that have not been sent.

    Returns:
        Which were taken back.
    """
    waiting = Command.objects.filter(state=Command.State.QUEUED)
    over = {
        "state": Command.State.CANCELLED,
        "answered_at": at,
        "sealed_payload": "",
    }
    ids = list(
        waiting.filter(pk__in=list(command_ids))
        .select_for_update(no_key=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    Command.objects.filter(pk__in=ids).update(**over)
    waiting.filter(parent_id__in=ids).update(**over)
    return ids


@transaction.atomic
def withdraw(*, charge_point_id: int, key: str, at: datetime) -> bool:
    """As ``cancel``, by the idempotency key."""
    row = Command.objects.filter(charge_point_id=charge_point_id, idempotency_key=key)
    found = row.values_list("pk", flat=True).first()
    return found is not None and cancel(command_id=found, at=at)


def open_stops(*, charge_point_ids: list[int]) -> list[tuple[int, str]]:
    """Stops under way: (charge point id, OCPP id of the transaction)."""
    rows = Command.objects.filter(
        charge_point_id__in=charge_point_ids, intent="stop", state__in=COMMAND_OPEN
    ).values_list("charge_point_id", "arguments__transaction_id")
    return [(key, str(ocpp_id)) for key, ocpp_id in rows]
