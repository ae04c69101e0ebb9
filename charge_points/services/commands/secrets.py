"""Passwords on their way to a station: sealed until the command is over.

The payload's own column never holds them, so that a command that is sent again after a
lost connection is worded from what was sealed and not from what people may see.
"""

import json
from collections.abc import Mapping
from typing import Any

from charge_points.models import Command, CommandBatch
from charge_points.services.masking import mask_payload
from cpms.accounts.services.sealing import seal, unseal

Row = Command | CommandBatch


def keep(row: Row, payload: Mapping[str, Any]) -> None:
    """Put a payload into its row: masked to see, sealed to send."""
    whole = dict(payload)
    row.payload = mask_payload(row.action, whole)
    row.sealed_payload = "" if row.payload == whole else seal(json.dumps(whole))


def opened(payload: dict[str, Any], sealed: str) -> dict[str, Any]:
    """The payload as it was asked for.

    Raises:
        UnableToUnseal: it was sealed with another key than that of today.
    """
    return json.loads(unseal(sealed)) if sealed else payload


def request_id(payload: Mapping[str, Any]) -> int | None:
    """By which later reports refer to the command; None: its action has no such id."""
    found = payload.get("requestId")
    return found if isinstance(found, int) and not isinstance(found, bool) else None
