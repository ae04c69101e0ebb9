"""The message log: what went over the wire, secrets masked."""

from collections.abc import Sequence
from typing import Final

from charge_points.services.facts import MessageRow
from charge_points.services.masking import mask_text
from charge_points.services.rows import execute_rows

TEXT_CHARS_MAX: Final = 65_536
"""Longer texts are cut: what is over the soft frame limit was refused anyway."""


def _clean(action: str, text: str) -> str:
    masked = mask_text(action, text)
    if "\0" in masked:
        masked = masked.replace("\0", "")
    return masked[:TEXT_CHARS_MAX]


def record_many(rows: Sequence[MessageRow]) -> None:
    """Append messages in one statement."""
    execute_rows(
        "INSERT INTO charge_points_messagelog (operator_id, charge_point_id, version, "
        "incoming, action, message_id, at, answered_at, text, answer_text) VALUES %s",
        [
            (
                row.operator_id,
                row.charge_point_id,
                row.version,
                row.incoming,
                row.action.replace("\0", "")[:60],
                row.message_id.replace("\0", "")[:64],
                row.at,
                row.answered_at,
                _clean(row.action, row.text),
                _clean(row.action, row.answer_text),
            )
            for row in rows
        ],
    )
