"""The audit log: one row per deed, in the deed's database transaction."""

from datetime import datetime
from typing import Any

from cpms.accounts.models import AuditEntry


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
        actor=actor,
        action=action,
        object=object,
        changes=changes,
        at=at,
    )
