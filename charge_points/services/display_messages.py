"""Messages on stations' displays (2.0.1 block O): what is shown where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from charge_points.models import DisplayMessage
from charge_points.services.masking import mask_payload

CONTENT_CHARS_MAX: Final = 512
MESSAGES_PER_REPORT_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFact:
    """One message as sent or reported; texts empty where nothing was said."""

    message_id: int
    priority: str
    format: str
    content: str
    language: str = ""
    shown_in: str = ""
    transaction_id: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def _fields(fact: MessageFact) -> dict[str, Any]:
    shown = mask_payload("SetDisplayMessage", {"content": fact.content})["content"]
    return {
        "priority": fact.priority[:16],
        "shown_in": fact.shown_in[:16],
        "starts_at": fact.starts_at,
        "ends_at": fact.ends_at,
        "transaction_id": fact.transaction_id[:36],
        "format": fact.format[:8],
        "language": fact.language[:8],
        "content": shown[:CONTENT_CHARS_MAX],
        "state": DisplayMessage.State.SET,
        "cleared_at": None,
    }


@transaction.atomic
def record_set(
    *, charge_point_id: int, operator_id: int, fact: MessageFact, at: datetime
) -> None:
    """A station accepted a message; one with the same id is replaced (O06)."""
    DisplayMessage.objects.update_or_create(
        charge_point_id=charge_point_id,
        message_id=fact.message_id,
        defaults={"operator_id": operator_id, "set_at": at, **_fields(fact)},
    )


@transaction.atomic
def record_cleared(*, charge_point_id: int, message_id: int, at: datetime) -> bool:
    """Accepted or Unknown: the message is not there any more (O05).

    Returns:
        Whether it was known to be there.
    """
    return bool(
        DisplayMessage.objects.filter(
            charge_point_id=charge_point_id,
            message_id=message_id,
            state=DisplayMessage.State.SET,
        ).update(state=DisplayMessage.State.CLEARED, cleared_at=at)
    )


@transaction.atomic
def record_reported(
    *,
    charge_point_id: int,
    operator_id: int,
    facts: Sequence[MessageFact],
    at: datetime,
) -> None:
    """NotifyDisplayMessages (O03, O04): what the station really has."""
    for fact in facts[:MESSAGES_PER_REPORT_MAX]:
        found = DisplayMessage.objects.filter(
            charge_point_id=charge_point_id, message_id=fact.message_id
        )
        if not found.update(confirmed_at=at, **_fields(fact)):
            DisplayMessage.objects.create(
                operator_id=operator_id,
                charge_point_id=charge_point_id,
                message_id=fact.message_id,
                set_at=at,
                confirmed_at=at,
                **_fields(fact),
            )


@transaction.atomic
def record_none(
    *, charge_point_id: int, criteria: Mapping[str, Any], at: datetime
) -> int:
    """GetDisplayMessages found nothing: what would have matched is gone.

    Args:
        charge_point_id: whose.
        criteria: any of "ids", "priority", "shown_in"; none: all.
        at: now.

    Returns:
        How many were believed to be there.
    """
    rows = DisplayMessage.objects.filter(
        charge_point_id=charge_point_id, state=DisplayMessage.State.SET
    )
    if criteria.get("ids"):
        rows = rows.filter(message_id__in=criteria["ids"])
    if criteria.get("priority"):
        rows = rows.filter(priority=criteria["priority"])
    if criteria.get("shown_in"):
        rows = rows.filter(shown_in=criteria["shown_in"])
    return rows.update(state=DisplayMessage.State.CLEARED, cleared_at=at)
