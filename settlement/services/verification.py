"""The proof of the books: set-based, so that a million entries take seconds.

Each check is one statement that returns what is wrong; nothing returned = proved.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

from settlement.services.chart import OPERATOR_FUNDS_HELD
from settlement.services.proofs import CHECKS, COUNTS

PROBLEMS_MAX: Final = 20
"""Problems listed of one check; the number found is always told."""


@dataclass(frozen=True, slots=True)
class Check:
    """One proof: how many rows were wrong, and the first of them in words."""

    name: str
    wrong: int
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return self.wrong == 0


@dataclass(slots=True)
class Report:
    """All proofs of a run."""

    entries: int = 0
    lines: int = 0
    platform_held_minor: int = 0
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every proof holds."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For ``--json`` and the demo."""
        by_name = {check.name: check for check in self.checks}
        return {
            "ok": self.ok,
            "balanced": by_name["balance"].ok,
            "platform_held_minor": self.platform_held_minor,
            "entries": self.entries,
            "lines": self.lines,
            "checks": [
                {
                    "check": check.name,
                    "ok": check.ok,
                    "wrong": check.wrong,
                    "problems": list(check.problems),
                }
                for check in self.checks
            ],
        }


def prove(*, operator_id: int | None = None) -> Report:
    """Prove the books of all operators and the platform, or of one operator."""
    report = Report()
    values = {"operator": operator_id}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, values)
        report.entries, report.lines = cursor.fetchone()
        for name, sql in CHECKS.items():
            report.checks.append(_run(cursor, name, sql, values))
        report.platform_held_minor = _held(cursor)
    held = report.platform_held_minor
    problems = [f"the platform holds {held} minor units of operators"] if held else []
    report.checks.append(listed("platform holds nothing", problems))
    return report


def _run(cursor: Any, name: str, sql: str, values: dict[str, Any]) -> Check:  # noqa: ANN401 - Django's cursor wrapper
    cursor.execute(
        f"SELECT text, count(*) OVER () FROM ({sql}) AS wrong (text) "  # noqa: S608 - constants of `proofs`
        f"LIMIT {PROBLEMS_MAX}",
        values,
    )
    rows = cursor.fetchall()
    return Check(name, rows[0][1] if rows else 0, tuple(row[0] for row in rows))


def _held(cursor: Any) -> int:  # noqa: ANN401 - Django's cursor wrapper
    """What the platform holds, over all currencies, in whichever book."""
    cursor.execute(
        "SELECT coalesce(sum(abs(total)), 0) FROM (SELECT sum(l.amount_minor) AS total "
        "FROM settlement_ledgerline l JOIN settlement_ledgeraccount a "
        "ON a.id = l.account_id WHERE a.code = %s "
        "GROUP BY l.operator_id, l.currency) held",
        [OPERATOR_FUNDS_HELD],
    )
    return int(cursor.fetchone()[0])


def listed(name: str, problems: Iterable[str]) -> Check:
    """A check from problems found otherwise."""
    found = tuple(problems)
    return Check(name, len(found), found[:PROBLEMS_MAX])
