"""Reports and notifications that refer to a command by its request id."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from charge_points.models import Command, CommandFollowUp
from charge_points.services.rows import insert_unless_exists

FOLLOW_UPS_MAX: Final = 1_000
"""Of one command; what comes later is not listed, though its contents are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a station told, without its contents.

    ``part``, ``is_last`` and ``entries`` are of reports in parts.
    """

    action: str
    status: str = ""
    part: int | None = None
    is_last: bool | None = None
    entries: int | None = None
    content_hash: str


@transaction.atomic(savepoint=False)
def record(
    *,
    charge_point_id: int,
    request_id: int,
    asked_by: Collection[str],
    told: Told,
    at: datetime,
) -> None:
    """Put what was told under the newest command that asked with this id.

    Stations repeat themselves: the same content is listed once. What no command of
    ours asked for belongs to none.
    """
    command = (
        Command.objects.filter(
            charge_point_id=charge_point_id,
            request_id=request_id,
            action__in=asked_by,
            sent_at__isnull=False,
        )
        .order_by("-pk")
        .first()
    )
    if command is None:
        return
    if CommandFollowUp.objects.filter(command=command).count() >= FOLLOW_UPS_MAX:
        return
    insert_unless_exists(
        CommandFollowUp(
            operator_id=command.operator_id,
            charge_point_id=charge_point_id,
            command=command,
            action=told.action,
            status=told.status[:60],
            part=told.part,
            is_last=told.is_last,
            entries=told.entries,
            content_hash=told.content_hash,
            received_at=at,
        )
    )


def follow_ups_of(command_id: int) -> list[CommandFollowUp]:
    """What came because of a command, in the order of its arrival."""
    return list(CommandFollowUp.objects.filter(command_id=command_id).order_by("pk"))
