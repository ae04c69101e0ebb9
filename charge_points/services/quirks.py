"""Conformance: counting what stations do wrong and we understand all the same."""

from collections.abc import Sequence
from datetime import datetime  # noqa: TC003 - annotates a local
from typing import Final

from charge_points.services.facts import QuirkRow
from charge_points.services.rows import execute_rows

EXAMPLE_CHARS_MAX: Final = 500

_UPSERT: Final = """
INSERT INTO charge_points_quirkcount AS known
    (operator_id, charge_point_id, quirk, version, count,
     first_seen_at, last_seen_at, example)
VALUES %s
ON CONFLICT (charge_point_id, quirk) DO UPDATE SET
    count = known.count + excluded.count,
    version = excluded.version,
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
    example = CASE WHEN excluded.example = '' THEN known.example
                   ELSE excluded.example END
"""


def count_many(rows: Sequence[QuirkRow]) -> None:
    """Add to the counts of (charge point, quirk), in one statement.

    Rows are written in one order by all processes, so that they cannot deadlock.
    """
    totals: dict[tuple[int, str], tuple[int, QuirkRow, datetime]] = {}
    for row in rows:
        key = (row.charge_point_id, row.quirk)
        count, _, first_at = totals.get(key, (0, row, row.at))
        totals[key] = (count + row.count, row, min(first_at, row.at))
    execute_rows(
        _UPSERT,
        [
            (
                row.operator_id,
                row.charge_point_id,
                row.quirk[:60],
                row.version,
                count,
                first_at,
                row.at,
                row.example.replace("\0", "")[:EXAMPLE_CHARS_MAX],
            )
            for _, (count, row, first_at) in sorted(
                totals.items(), key=lambda item: item[0]
            )
        ],
    )


def count(row: QuirkRow) -> None:
    """Add one."""
    count_many([row])
