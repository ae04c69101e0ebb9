"""Work that a station reports step by step: the word that counts, and all it said."""

import secrets
from datetime import datetime
from typing import Final

from charge_points.events import iso
from charge_points.models import FirmwarePublication, FirmwareUpdate, LogUpload
from charge_points.services.masking import mask
from cpms.kernel.state_table import StateTable

HISTORY_MAX: Final = 100
REQUEST_ID_MAX: Final = 2**31 - 1
"""Stations read request ids as 32-bit integers."""
# The CALL was not answered: nobody knows whether the station acts.
NO_ANSWER: Final = frozenset({"Timeout", "ConnectionLost"})

LOCATION_CHARS_MAX: Final = 512

Row = FirmwarePublication | FirmwareUpdate | LogUpload


def new_request_id() -> int:
    """A number by which a station's reports refer to what was asked."""
    return secrets.randbelow(REQUEST_ID_MAX) + 1


def masked_location(location: str) -> str:
    """Where a file is or goes, without the secrets that may stand in an address."""
    masked: str = mask({"location": location})["location"]
    return masked[:LOCATION_CHARS_MAX]


def advance(row: Row, table: StateTable, status: str, at: datetime) -> bool:
    """Take a step if the table has it; the history has what was said anyway.

    The row is locked by the caller, and saved here.

    Returns:
        Whether ``status`` is the row's status now and was not before.
    """
    if row.status == status:
        return False
    if len(row.history) < HISTORY_MAX:
        row.history = [*row.history, [status, iso(at)]]
    moved = table.allows(row.status, status)
    if moved:
        row.status = status
    row.save()
    return moved
