"""The gateway's side: taking commands, and recording how they ended."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection, transaction

from charge_points.models import Command
from charge_points.services import handles
from charge_points.services.commands import batches, secrets, splitting
from charge_points.services.facts import CommandAnswer, CommandToSend, CommandWording
from charge_points.services.masking import mask_payload
from charge_points.services.wake import wake_commands
from cpms.accounts.services.sealing import UnableToUnseal

ERROR_TEXT_CHARS_MAX: Final = 500
ANSWER_TIMEOUT: Final = timedelta(minutes=3)
"""A command that was sent so long ago and has no answer lost its gateway."""
SWEEP_MAX: Final = 500

# The CALL never left: back to the queue, for sending it now is the first time.
NOT_SENT: Final = "NotSent"
# Nobody knows whether the station acted: a start may still follow.
CONNECTION_LOST: Final = "ConnectionLost"
UNKNOWN_OUTCOMES: Final = frozenset({"Timeout", CONNECTION_LOST})
ATTEMPTS_MAX: Final = 5
"""Some stations hang up when they are asked for what they do not like."""
UNREADABLE: Final = "UnableToUnseal"

# Materialized: a plan that looked for the next one again after the update of the first
# would take two of a station, and send one.
_TAKE: Final = """
WITH chosen AS MATERIALIZED (
    SELECT next.id FROM unnest(%(ids)s) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT id FROM charge_points_command
        WHERE charge_point_id = wanted.id AND state = 'queued' AND parts = 0
          AND scheduled_at <= %(at)s AND expires_at > %(at)s
          AND (%(only)s::text[] IS NULL OR action = ANY(%(only)s::text[]))
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS next
)
UPDATE charge_points_command AS command SET
    state = 'sent', sent_at = %(at)s, node = %(node)s, attempts = attempts + 1,
    generation = station.generation
FROM chosen, charge_points_chargepoint AS station
WHERE command.id = chosen.id AND station.id = command.charge_point_id
RETURNING command.id, command.charge_point_id, command.operator_id, command.intent,
          command.arguments, command.action, command.payload, command.repeatable,
          command.sealed_payload
"""


@transaction.atomic(savepoint=False)
def take_for_delivery(
    *,
    charge_point_ids: Sequence[int],
    node: str,
    at: datetime,
    only: Collection[str] | None = None,
) -> list[CommandToSend]:
    """Take at most one command per charge point, the oldest, and mark it as sent.

    The caller commits before the CALL leaves, so that no command is sent by two
    processes. ``only``: raw commands of these actions, for stations that are not
    accepted yet; the others wait.
    """
    if not charge_point_ids:
        return []
    wanted: dict[str, Any] = {
        "ids": list(charge_point_ids),
        "node": node[:80],
        "at": at,
        "only": None if only is None else sorted(only),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, wanted)
        found = cursor.fetchall()
    taken = [(row[0], _to_send(row)) for row in found]
    unreadable = [command_id for command_id, command in taken if command is None]
    if unreadable:
        record_answers(answers=[_unreadable(one, at) for one in unreadable])
    return [command for _, command in taken if command is not None]


def _to_send(row: tuple[Any, ...]) -> CommandToSend | None:
    """None: its secrets were sealed with another key, so nobody can send it."""
    try:
        payload = secrets.opened(_json(row[6]), row[8])
    except UnableToUnseal:
        return None
    return CommandToSend(
        command_id=row[0],
        charge_point_id=row[1],
        operator_id=row[2],
        intent=row[3],
        arguments=_json(row[4]),
        action=row[5],
        payload=payload,
        repeatable=row[7],
    )


def _unreadable(command_id: int, at: datetime) -> CommandAnswer:
    return CommandAnswer(
        command_id=command_id,
        accepted=False,
        status=UNREADABLE,
        at=at,
        error_code=UNREADABLE,
        error_text="Its secrets were sealed with another KEY_ENCRYPTION_KEY; "
        "send it anew.",
    )


def _json(text: str | dict[str, Any]) -> dict[str, Any]:
    """Django leaves the JSON of raw statements as text."""
    return json.loads(text) if isinstance(text, str) else text


@transaction.atomic(savepoint=False)
def mark_sent(*, wordings: Sequence[CommandWording]) -> None:
    """Keep what an intent became, secrets masked: it is worded anew when sent again."""
    rows = {
        row.pk: row
        for row in Command.objects.filter(
            pk__in=[wording.command_id for wording in wordings]
        )
    }
    for wording in wordings:
        row = rows.get(wording.command_id)
        if row is not None:
            row.action = wording.action[:60]
            row.payload = mask_payload(wording.action, _as_json(wording.payload))
            row.request_id = secrets.request_id(wording.payload)
    Command.objects.bulk_update(rows.values(), ["action", "payload", "request_id"])


def _as_json(value: Any) -> Any:  # noqa: ANN401 - whatever a payload holds
    """Exact decimals as the JSON numbers that they are on the wire."""
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


@transaction.atomic(savepoint=False)
def record_answers(*, answers: Sequence[CommandAnswer]) -> frozenset[int]:
    """Record how commands ended; an answer to one that is not under way is ignored.

    A start that was refused fails its order at once; one whose outcome is unknown
    waits for the start timeout, for the charge may have begun.

    Returns:
        The commands that have not ended: they were queued again.
    """
    by_id = {answer.command_id: answer for answer in answers}
    rows = list(
        Command.objects.select_for_update(no_key=True)
        .filter(pk__in=by_id, state=Command.State.SENT)
        .order_by("pk")
    )
    for row in rows:
        _end(row, by_id[row.pk])
    Command.objects.bulk_update(
        rows,
        [
            "state",
            "answered_at",
            "status_text",
            "response",
            "error_code",
            "error_text",
            "sent_at",
            "sealed_payload",
        ],
    )
    _tell_starts([(row, by_id[row.pk]) for row in rows])
    splitting.join(row.parent_id for row in rows if row.parent_id is not None)
    if answers:
        batches.go_on(rows, at=max(answer.at for answer in answers))
    again = [row for row in rows if row.state == Command.State.QUEUED]
    wake_commands(row.charge_point_id for row in again)
    return frozenset(row.pk for row in again)


def _end(row: Command, answer: CommandAnswer) -> None:
    lost = answer.error_code in UNKNOWN_OUTCOMES and row.repeatable
    lost |= answer.error_code == CONNECTION_LOST and answer.repeatable
    once_more = answer.at < row.expires_at and row.attempts < ATTEMPTS_MAX
    if answer.error_code == NOT_SENT or (lost and once_more):
        row.state = Command.State.QUEUED
        row.sent_at = None
        return
    if answer.error_code:
        row.state = Command.State.FAILED
    elif answer.accepted:
        row.state = Command.State.ACCEPTED
    else:
        row.state = Command.State.REJECTED
    row.sealed_payload = ""
    row.answered_at = answer.at
    row.status_text = answer.status[:60]
    row.response = mask_payload(row.action, answer.response)
    row.error_code = answer.error_code[:60]
    row.error_text = (answer.error_text or answer.detail)[:ERROR_TEXT_CHARS_MAX]


def _tell_starts(ended: Sequence[tuple[Command, CommandAnswer]]) -> None:
    final = {Command.State.REJECTED, Command.State.FAILED}
    failures = [
        handles.Failure(row.order_number, _reason(answer))
        for row, answer in ended
        if row.intent == "start"
        and row.order_number
        and row.state in final
        and answer.error_code not in UNKNOWN_OUTCOMES
    ]
    if failures:
        handles.fail_many(failures, at=max(answer.at for _, answer in ended))


def _reason(answer: CommandAnswer) -> str:
    word = answer.error_code or answer.status
    return f"The charge point refused the start: {word}"


@transaction.atomic(savepoint=False)
def recover(
    *,
    charge_point_ids: Sequence[int],
    repeatable_actions: Collection[str],
    at: datetime,
) -> None:
    """Settle what a former connection of these charge points left as sent.

    Repeatable commands are queued again, the others have failed: nobody knows what
    became of them, and doing them twice would do harm.
    """
    rows = Command.objects.filter(
        charge_point_id__in=charge_point_ids, state=Command.State.SENT
    )
    _settle(list(rows.order_by("pk")), repeatable_actions, at)


@transaction.atomic
def settle_overdue(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Sweep: expire what waited too long, settle what lost its gateway.

    Returns:
        How many were settled.
    """
    # Handles are locked before commands, here as everywhere; a start's command ends
    # with its handle.
    overdue = Command.objects.filter(
        state=Command.State.QUEUED, expires_at__lte=at
    ).order_by("expires_at")
    starts = overdue.filter(intent="start").exclude(order_number="")
    failed = handles.fail_many(
        [
            handles.Failure(number, "The charge point could not be reached.")
            for number in starts.values_list("order_number", flat=True)[:limit]
        ],
        at=at,
    )
    expired = list(overdue.select_for_update(skip_locked=True)[:limit])
    for row in expired:
        row.state = Command.State.EXPIRED
        row.answered_at = at
        row.sealed_payload = ""
    Command.objects.bulk_update(expired, ["state", "answered_at", "sealed_payload"])
    splitting.join(row.parent_id for row in expired if row.parent_id is not None)
    lost = list(
        Command.objects.select_for_update(skip_locked=True)
        .filter(state=Command.State.SENT, sent_at__lte=at - ANSWER_TIMEOUT)
        .order_by("pk")[:limit]
    )
    _settle(lost, (), at)
    return failed + len(expired) + len(lost)


def _settle(
    rows: Sequence[Command], repeatable_actions: Collection[str], at: datetime
) -> None:
    record_answers(
        answers=[
            CommandAnswer(
                command_id=row.pk,
                accepted=False,
                status="ConnectionLost",
                at=at,
                error_code=NOT_SENT
                if row.action in repeatable_actions and at < row.expires_at
                else "ConnectionLost",
                error_text="The connection was lost before the answer.",
            )
            for row in rows
        ]
    )
