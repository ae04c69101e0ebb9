"""The message log: what went over the wire, secrets masked."""

from collections.abc import Sequence
from typing import Final

from charge_points.services.facts import MessageRow
from charge_points.services.masking import mask_text
from charge_points.services.rows import execute_columns, numbers, texts

TEXT_CHARS_MAX: Final = 65_536
"""Longer texts are cut: what is over the soft frame limit was refused anyway."""


def _clean(action: str, text: str) -> str:
    return mask_text(action, text)[:TEXT_CHARS_MAX]


_INSERT: Final = """
INSERT INTO charge_points_messagelog
    (operator_id, charge_point_id, version, incoming, action, message_id, at,
     answered_at, text, answer_text)
SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::text[], %s::boolean[], %s::text[], %s::text[],
    %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[])
"""


def record_many(rows: Sequence[MessageRow]) -> None:
    """Append messages in one statement."""
    if not rows:
        return
    execute_columns(
        _INSERT,
        [
            numbers([row.operator_id for row in rows]),
            numbers([row.charge_point_id for row in rows]),
            texts([row.version for row in rows]),
            numbers([row.incoming for row in rows]),
            texts([row.action[:60] for row in rows]),
            texts([row.message_id[:64] for row in rows]),
            numbers([row.at for row in rows]),
            numbers([row.answered_at for row in rows]),
            texts([_clean(row.action, row.text) for row in rows]),
            texts([_clean(row.action, row.answer_text) for row in rows]),
        ],
    )
