"""The audit log: one row per deed, in the deed's database transaction."""

from datetime import datetime
from typing import Any

from cpms.accounts.models import ApiKey, AuditEntry, User


def record(
    *,
    operator_id: int | None,
    actor: str,
    action: str,
    object: str,  # noqa: A002 - the column's name
    changes: dict[str, Any],
    at: datetime,
) -> None:
    """Write who did what to which thing. ``changes`` must hold no secret."""
    AuditEntry.objects.create(
        operator_id=operator_id,
        actor=_name(actor),
        action=action,
        object=object,
        changes=changes,
        at=at,
    )


def _name(actor: str) -> str:
    """The actor for people, for good: REST knows its callers by number.

    "12" is a member, "key-3" an API key; every other actor has its name already.
    """
    if actor.isdecimal():
        found = User.objects.filter(pk=int(actor)).values_list("email", flat=True)
        return found.first() or actor
    number = actor.removeprefix("key-")
    if number == actor or not number.isdecimal():
        return actor
    row = ApiKey.objects.filter(pk=int(number)).values_list("name", "prefix").first()
    return f"API key {row[0]} ({row[1]})" if row else actor
