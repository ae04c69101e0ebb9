"""One measured number beside its baseline, and the file that keeps them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """A bench's outcome.

    ``ratio`` is value / baseline, or None without a baseline. ``target`` is a bound of
    the ratio, or of the value where there is no baseline; ``pass_`` tells whether it
    was reached, None when there is none.
    """

    bench: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: float | None = None
    pass_: bool | None = None

    def as_json(self):
        """The row of ``bench.json``."""
        row = asdict(self)
        row["pass"] = row.pop("pass_")
        return row


def against(bench, value, unit, *, baseline, target=None):
    """A result as a multiple of a baseline that was run beside it."""
    ratio = round(value / baseline, 3) if baseline else None
    reached = None if target is None or ratio is None else ratio >= target
    return Result(bench, value, unit, baseline, ratio, target, reached)


def at_most(bench, value, unit, *, target):
    """A result that should not be above ``target``."""
    return Result(bench, value, unit, target=target, pass_=value <= target)


def at_least(bench, value, unit, *, target):
    """A result that should not be below ``target``."""
    return Result(bench, value, unit, target=target, pass_=value >= target)


def table(results):
    """The results for people."""
    head = ("bench", "value", "unit", "baseline", "ratio", "target", "pass")
    rows = [head]
    for result in results:
        row = result.as_json()
        rows.append(tuple(_text(row[name]) for name in head))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if i in {0, 2} else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _text(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    return str(value)


def keep(path: Path, results):
    """Put the results into the file; a bench's former row is replaced."""
    rows = json.loads(path.read_text()) if path.exists() else []
    names = {result.bench for result in results}
    rows = [row for row in rows if row["bench"] not in names]
    rows += [result.as_json() for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n")
