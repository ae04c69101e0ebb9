"""Commands that are too long for one message: several CALLs, one answer.

A station takes only so many variables at once (2.0.1 ItemsPerMessage, B05.FR.11 and
B06.FR.16). The command that somebody asked for is the whole: it is never sent itself,
its parts are, one after the other, and their results are joined in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from charge_points.models import Command
from charge_points.services import capabilities
from charge_points.services.commands import secrets

# Action -> the list that is split, and the list of the answer.
SPLIT: Final = {
    "GetVariables": ("getVariableData", "getVariableResult"),
    "SetVariables": ("setVariableData", "setVariableResult"),
}
PARTS_MAX: Final = 50
_OVER: Final = ("accepted", "rejected", "failed", "expired", "cancelled")


def chunks(
    charge_point_id: int, action: str, payload: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The payloads of the parts; one where nothing is to be split."""
    names = SPLIT.get(action)
    items = payload.get(names[0]) if names else None
    if not names or not isinstance(items, list) or len(items) < 2:
        return [dict(payload)]
    size = capabilities.of_station(charge_point_id).items_per_message(action)
    if size is None or len(items) <= size or len(items) > size * PARTS_MAX:
        return [dict(payload)]
    return [
        {**payload, names[0]: items[first : first + size]}
        for first in range(0, len(items), size)
    ]


def add_parts(whole: Command, payloads: Iterable[dict[str, Any]]) -> None:
    """Queue the parts of a command that was just queued."""
    parts = []
    for number, payload in enumerate(payloads):
        part = Command(
            operator_id=whole.operator_id,
            charge_point_id=whole.charge_point_id,
            parent=whole,
            action=whole.action,
            repeatable=whole.repeatable,
            requested_by=whole.requested_by,
            idempotency_key=f"part:{whole.pk}:{number}",
            created_at=whole.created_at,
            scheduled_at=whole.scheduled_at,
            expires_at=whole.expires_at,
        )
        secrets.keep(part, payload)
        parts.append(part)
    Command.objects.bulk_create(parts)


def join(parent_ids: Iterable[int]) -> None:
    """End commands whose parts have all ended."""
    wholes = (
        Command.objects.select_for_update(no_key=True)
        .filter(pk__in=set(parent_ids), state=Command.State.QUEUED)
        .order_by("pk")
    )
    for whole in wholes:
        parts = list(Command.objects.filter(parent=whole).order_by("pk"))
        if all(part.state in _OVER for part in parts):
            _join(whole, parts)


def _join(whole: Command, parts: list[Command]) -> None:
    """The first part that went wrong says how the whole ended."""
    wrong = [part for part in parts if part.state != Command.State.ACCEPTED]
    worst = wrong[0] if wrong else parts[-1]
    name = SPLIT[whole.action][1]
    results = [
        result for part in parts for result in (part.response or {}).get(name, ())
    ]
    whole.state = worst.state
    whole.sealed_payload = ""
    whole.status_text = worst.status_text
    whole.error_code = worst.error_code
    whole.error_text = worst.error_text
    whole.response = {name: results} if results else None
    whole.sent_at = min((part.sent_at for part in parts if part.sent_at), default=None)
    whole.answered_at = max(
        (part.answered_at for part in parts if part.answered_at), default=None
    )
    whole.save()
