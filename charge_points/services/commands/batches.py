"""One command for many charge points: members first, commands as there is room.

Each step is one database transaction and may be done again: the members' rows say what
is left. Whoever asks, whoever answered, and the sweep take the same step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When

from charge_points.models import Command, CommandBatch, CommandBatchMember
from charge_points.models.states import COMMAND_OPEN
from charge_points.services.commands import queueing, secrets
from charge_points.services.rows import insert_unless_exists
from cpms.accounts.services.sealing import UnableToUnseal
from cpms.kernel.errors import DomainError
from cpms.kernel.json import content_hash

RELEASED_MAX: Final = 200
"""Commands that one step queues; the next step goes on."""
SWEEP_MAX: Final = 100
KEY: Final = "batch:"
STATES: Final = ("waiting", *Command.State.values)
_ONLINE: Final = Q(
    charge_point__connected_at__isnull=False,
    charge_point__disconnected_at__isnull=True,
)


class UnableToSendBatch(DomainError):
    """The batch is not taken."""

    http_status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """What is asked, of whom, when; ``at_once`` None: of all at the same time."""

    operator_id: int
    charge_point_ids: tuple[int, ...]
    action: str
    payload: Mapping[str, Any]
    selection: Mapping[str, Any]
    idempotency_key: str
    not_before: datetime
    expires_at: datetime
    at_once: int | None = None


@transaction.atomic
def send(*, wanted: NewBatch, by: str, at: datetime) -> CommandBatch:
    """Take a batch and queue the first commands; the same key again is the same batch.

    The payload was validated for every charge point's version before.

    Raises:
        UnableToSendBatch: its end lies in the past, or the key was used for another.
    """
    if wanted.expires_at <= max(at, wanted.not_before):
        raise UnableToSendBatch(
            "command_expired", "The expiry lies before the begin; nothing was queued."
        )
    row = CommandBatch(
        operator_id=wanted.operator_id,
        action=wanted.action,
        selection=dict(wanted.selection),
        size=len(wanted.charge_point_ids),
        at_once=wanted.at_once,
        idempotency_key=wanted.idempotency_key,
        requested_by=by,
        created_at=at,
        not_before=wanted.not_before,
        expires_at=wanted.expires_at,
    )
    secrets.keep(row, wanted.payload)
    if not insert_unless_exists(row):
        return _known(wanted)
    CommandBatchMember.objects.bulk_create(
        CommandBatchMember(
            operator_id=row.operator_id, batch=row, charge_point_id=charge_point_id
        )
        for charge_point_id in sorted(wanted.charge_point_ids)
    )
    advance(batch_id=row.pk, at=at)
    row.refresh_from_db()
    return row


def _known(wanted: NewBatch) -> CommandBatch:
    known = CommandBatch.objects.get(
        operator_id=wanted.operator_id, idempotency_key=wanted.idempotency_key
    )
    same = [known.action, known.selection] == [wanted.action, dict(wanted.selection)]
    if known.sealed_payload:
        payload = secrets.opened(known.payload, known.sealed_payload)
        same = same and content_hash(payload) == content_hash(wanted.payload)
    if not same:
        raise UnableToSendBatch(
            "idempotency_key_reused",
            "This idempotency key was used for another batch; take a new one.",
        )
    return known


@transaction.atomic
def advance(*, batch_id: int, at: datetime) -> int:
    """Take a batch one step on; who finds it taken leaves it to whoever has it.

    Returns:
        How many commands were queued.
    """
    batch = (
        CommandBatch.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(pk=batch_id, state=CommandBatch.State.RUNNING)
        .first()
    )
    if batch is None:
        return 0
    waiting = CommandBatchMember.objects.filter(
        batch=batch, state=CommandBatchMember.State.WAITING
    )
    if at >= batch.expires_at:
        waiting.update(state=CommandBatchMember.State.EXPIRED)
    released = _release(batch, waiting, at)
    if not waiting.exists():
        batch.sealed_payload = ""
        if not _under_way(batch).exists():
            batch.state = CommandBatch.State.ENDED
            batch.ended_at = at
        batch.save(update_fields=["sealed_payload", "state", "ended_at"])
    return released


def _under_way(batch: CommandBatch) -> QuerySet[CommandBatchMember]:
    return CommandBatchMember.objects.filter(
        batch=batch, command__state__in=COMMAND_OPEN
    )


def _release(
    batch: CommandBatch, waiting: QuerySet[CommandBatchMember], at: datetime
) -> int:
    room = RELEASED_MAX
    if batch.at_once is not None:
        if at < batch.not_before:
            return 0
        # A station that is offline takes no place from those that can be asked.
        busy = _under_way(batch).filter(Q(command__state="sent") | _ONLINE).count()
        room = min(room, batch.at_once - busy)
        waiting = waiting.filter(_ONLINE)
    members = list(waiting.order_by("pk")[: max(room, 0)])
    if not members:
        return 0
    try:
        payload = secrets.opened(batch.payload, batch.sealed_payload)
    except UnableToUnseal as error:
        waiting.update(state=CommandBatchMember.State.FAILED, detail=error.code)
        return 0
    for member in members:
        _queue(batch, member, payload, at)
    CommandBatchMember.objects.bulk_update(members, ["state", "command", "detail"])
    return sum(member.command_id is not None for member in members)


def _queue(
    batch: CommandBatch,
    member: CommandBatchMember,
    payload: Mapping[str, Any],
    at: datetime,
) -> None:
    try:
        member.command = queueing.queue(
            charge_point_id=member.charge_point_id,
            action=batch.action,
            payload=payload,
            by=batch.requested_by,
            idempotency_key=f"{KEY}{batch.pk}",
            expires_at=batch.expires_at,
            at=at,
            scheduled_at=max(batch.not_before, at),
        )
    except queueing.UnableToQueueCommand as error:
        member.state = CommandBatchMember.State.FAILED
        member.detail = error.message[:200]
    else:
        member.state = CommandBatchMember.State.RELEASED


def go_on(commands: Iterable[Command], *, at: datetime) -> None:
    """Commands have ended: their batches have room for the next ones."""
    keys = {
        row.idempotency_key.removeprefix(KEY)
        for row in commands
        if row.idempotency_key.startswith(KEY) and row.state not in COMMAND_OPEN
    }
    for key in sorted(keys):
        if key.isdecimal():
            advance(batch_id=int(key), at=at)


def sweep(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Take every running batch one step on.

    Returns:
        How many commands were queued.
    """
    rows = CommandBatch.objects.filter(state=CommandBatch.State.RUNNING)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(advance(batch_id=batch_id, at=at) for batch_id in ids)


@transaction.atomic
def cancel(*, batch_id: int, at: datetime) -> bool:
    """Take back all that was not sent; again changes nothing.

    Returns:
        False when the batch had ended already.
    """
    batch = CommandBatch.objects.select_for_update(no_key=True).get(pk=batch_id)
    if batch.state != CommandBatch.State.RUNNING:
        return False
    members = CommandBatchMember.objects.filter(batch=batch)
    members.filter(state=CommandBatchMember.State.WAITING).update(
        state=CommandBatchMember.State.CANCELLED
    )
    queueing.cancel_many(
        command_ids=members.filter(command__state=Command.State.QUEUED).values_list(
            "command_id", flat=True
        ),
        at=at,
    )
    batch.state = CommandBatch.State.CANCELLED
    batch.ended_at = at
    batch.sealed_payload = ""
    batch.save(update_fields=["state", "ended_at", "sealed_payload"])
    return True


def members_of(batch_id: int, state: str = "") -> QuerySet[CommandBatchMember]:
    """The members; ``told`` is their command's state, or their own without command.

    ``state`` leaves only those in it; "" or an unknown word leaves all.
    """
    told = Case(
        When(command__isnull=False, then=F("command__state")),
        default=F("state"),
        output_field=CharField(),
    )
    rows = (
        CommandBatchMember.objects.filter(batch_id=batch_id)
        .select_related("charge_point", "command")
        .annotate(told=told)
    )
    return rows.filter(told=state) if state in STATES else rows


def progress_of(batch_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many members are in which state, for each batch; all states are there."""
    ids = list(batch_ids)
    found = {key: dict.fromkeys(STATES, 0) for key in ids}
    told = Case(
        When(command__isnull=False, then=F("command__state")),
        default=F("state"),
        output_field=CharField(),
    )
    counted = (
        CommandBatchMember.objects.filter(batch_id__in=ids)
        .values("batch_id", told=told)
        .annotate(number=Count(Value(1)))
    )
    for row in counted:
        found[row["batch_id"]][row["told"]] = row["number"]
    return found
