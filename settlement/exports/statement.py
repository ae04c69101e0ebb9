"""A statement as CSV and JSON."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from cpms.kernel.money import from_minor
from cpms.kernel.spreadsheets import cell_text
from settlement.services.statements import Period, lines, totals

COLUMNS: Final = (
    "at",
    "order_number",
    "kind",
    "party",
    "name",
    "role",
    "amount",
    "amount_minor",
    "currency",
)


def as_csv(period: Period) -> Iterator[str]:
    """The lines, one CSV row at a time, a header first."""
    yield _row(COLUMNS)
    for line in lines(period):
        yield _row(
            (
                line.at.isoformat(),
                line.order_number,
                line.kind,
                cell_text(line.party),
                cell_text(line.name),
                line.role,
                str(from_minor(line.amount_minor, line.currency)),
                line.amount_minor,
                line.currency,
            )
        )


def _row(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def as_json(period: Period) -> dict[str, Any]:
    """Totals by party and currency, and the lines; JSON-able."""
    return {
        "operator_id": period.operator_id,
        "starts_at": period.starts_at.isoformat(),
        "ends_at": period.ends_at.isoformat(),
        "parties": [asdict(total) for total in totals(period)],
        "lines": [
            {**asdict(line), "at": line.at.isoformat()} for line in lines(period)
        ],
    }
