"""Work whose command ended without an answer of the station's: it must end as well.

A command runs out in the queue, is taken back by its operator, or loses its gateway.
None of that passes the handlers of answers, so that it is looked for here.
"""

from datetime import datetime
from typing import Any, Final

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from charge_points.models import (
    Command,
    FirmwareCampaignMember,
    FirmwareUpdate,
    LogUpload,
    Reservation,
)
from charge_points.services import diagnostics, firmware, reservations

SWEEP_MAX: Final = 500
REQUESTED: Final = "Requested"
UNANSWERED: Final = (Command.State.EXPIRED, Command.State.CANCELLED)
LOST: Final = "ConnectionLost"


def settle(*, at: datetime, limit: int = SWEEP_MAX) -> int:
    """Sweep: end what was asked for by commands that are over without an answer.

    Updates of campaigns are left to their campaign, which asks the station again.

    Returns:
        How many ended.
    """
    own = FirmwareCampaignMember.objects.filter(update=OuterRef("pk"))
    updates = _unsent(FirmwareUpdate.objects.exclude(Exists(own)))[:limit]
    for pk in updates:
        firmware.end_unsent(update_id=pk, at=at)
    logs = _unsent(LogUpload.objects.all())[:limit]
    for pk in logs:
        diagnostics.end_unsent(upload_id=pk, at=at)
    return len(updates) + len(logs) + _settle_reservations(at, limit)


def _unsent(rows: QuerySet[Any]) -> list[int]:
    command = Command.objects.filter(
        pk=OuterRef("command_number"), state__in=UNANSWERED, attempts=0
    )
    waiting = rows.filter(status=REQUESTED, command_number__isnull=False)
    return list(waiting.filter(Exists(command)).values_list("pk", flat=True))


def _settle_reservations(at: datetime, limit: int) -> int:
    """One that the station may have got after all is cancelled there."""
    asked = Command.objects.filter(
        charge_point_id=OuterRef("charge_point_id"),
        idempotency_key=Concat(
            Value(reservations.KEY), Cast(OuterRef("number"), CharField())
        ),
        state__in=[*UNANSWERED, Command.State.FAILED],
    )
    rows = (
        Reservation.objects.filter(state=Reservation.State.REQUESTED)
        .annotate(
            attempts=asked.values("attempts")[:1],
            code=asked.values("error_code")[:1],
            ended_as=asked.values("state")[:1],
        )
        .filter(ended_as__isnull=False)
        .values_list("charge_point_id", "number", "attempts", "code", "ended_as")
    )[:limit]
    for charge_point_id, number, attempts, code, ended_as in rows:
        lost = attempts and ended_as in UNANSWERED
        reservations.record_reserve_failed(
            charge_point_id=charge_point_id,
            number=number,
            code=LOST if lost else code or ended_as,
            at=at,
        )
    return len(rows)
