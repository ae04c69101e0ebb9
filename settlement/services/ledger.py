"""Posting: balanced, append-only, once per (source, key).

PostgreSQL has the last word (migration 0003). Corrections are reversing entries.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from psycopg2.extras import execute_values

from cpms.kernel.errors import DomainError
from settlement.models import LedgerEntry
from settlement.services import chart

ENTRIES_MAX: Final = 5_000
"""Entries of one ``post_many``: one statement each for entries and lines."""

Line = tuple[str, str, int]
"""(account code, currency, amount in minor units: debit > 0, credit < 0)"""


class UnableToPost(DomainError):
    """Not balanced, an unknown account, or other content under a known key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One entry to be: ``operator_id`` names the book (0 = the platform's)."""

    operator_id: int
    source: str
    key: str
    effective_at: datetime
    lines: tuple[Line, ...]
    order_number: str = ""
    reverses: int | None = None


def post(  # noqa: PLR0913 - the fields of one entry, all named
    *,
    operator_id: int,
    source: str,
    key: str,
    effective_at: datetime,
    lines: Iterable[Line],
    reverses: int | None = None,
    order_number: str = "",
) -> int:
    """Post one entry and return its id; the same (source, key) again changes nothing.

    Raises:
        UnableToPost: see ``post_many``.
    """
    posting = Posting(
        operator_id=operator_id,
        source=source,
        key=key,
        effective_at=effective_at,
        lines=tuple(lines),
        order_number=order_number,
        reverses=reverses,
    )
    return post_many([posting])[0]


def post_many(postings: Sequence[Posting]) -> list[int]:
    """Post entries set-wise in one database transaction.

    Returns:
        The entries' ids in the order of the postings; ids of earlier entries for
        those that were posted before.

    Raises:
        UnableToPost: ``unbalanced``, ``unknown_account``, ``too_many`` or
            ``posting_differs`` (same source and key, other content). Nothing is
            posted then.
    """
    if not postings:
        return []
    if len(postings) > ENTRIES_MAX:
        raise UnableToPost(
            "too_many", f"At most {ENTRIES_MAX} entries a call, not {len(postings)}."
        )
    for posting in postings:
        _check(posting)
    with transaction.atomic(), connection.cursor() as cursor:
        accounts = _accounts(cursor, postings)
        ids, new = _insert_entries(cursor, postings)
        _insert_lines(cursor, new, ids, accounts)
        old = [p for p in postings if new.get((p.source, p.key)) is not p]
        if old:
            _require_same(old, ids, accounts)
    return [ids[p.source, p.key] for p in postings]


def _check(posting: Posting) -> None:
    sums: Counter[str] = Counter()
    for code, currency, amount_minor in posting.lines:
        if chart.type_of(code) is None or not chart.belongs(posting.operator_id, code):
            raise UnableToPost(
                "unknown_account",
                f"{posting.source} {posting.key}: book {posting.operator_id} has no "
                f"account {code!r}; see the chart of accounts.",
            )
        if amount_minor == 0:
            raise UnableToPost(
                "unbalanced",
                f"{posting.source} {posting.key}: the line on {code} is zero; leave "
                "it out.",
            )
        sums[currency] += amount_minor
    if len(posting.lines) < 2 or any(sums.values()):
        raise UnableToPost(
            "unbalanced",
            f"{posting.source} {posting.key}: {len(posting.lines)} lines add up to "
            f"{dict(sums)}; an entry has at least two lines and adds up to zero in "
            "each currency.",
        )


_AccountKey = tuple[int, str, str]
_EntryKey = tuple[str, str]


def _accounts(cursor: Any, postings: Sequence[Posting]) -> dict[_AccountKey, int]:  # noqa: ANN401 - Django's cursor wrapper
    wanted = sorted(
        {
            (posting.operator_id, code, currency)
            for posting in postings
            for code, currency, _ in posting.lines
        }
    )
    found = _read_accounts(cursor, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        # Sorted, so that two postings that open the same accounts do not deadlock.
        execute_values(
            cursor.cursor,
            "INSERT INTO settlement_ledgeraccount (operator_id, code, currency, type) "
            "VALUES %s ON CONFLICT (operator_id, code, currency) DO NOTHING",
            [(*key, chart.type_of(key[1])) for key in missing],
            page_size=len(missing),
        )
        found |= _read_accounts(cursor, missing)
    return found


def _read_accounts(
    cursor: Any,  # noqa: ANN401 - Django's cursor wrapper
    wanted: Sequence[_AccountKey],
) -> dict[_AccountKey, int]:
    rows = execute_values(
        cursor.cursor,
        "SELECT a.operator_id, a.code, a.currency, a.id "
        "FROM settlement_ledgeraccount a "
        "JOIN (VALUES %s) AS w (operator_id, code, currency) "
        "USING (operator_id, code, currency)",
        wanted,
        page_size=len(wanted),
        fetch=True,
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _insert_entries(
    cursor: Any,  # noqa: ANN401 - Django's cursor wrapper
    postings: Sequence[Posting],
) -> tuple[dict[_EntryKey, int], dict[_EntryKey, Posting]]:
    """Ids of all entries by (source, key), and the postings that are new."""
    # In one order everywhere: two that post the same entries must not wait for each
    # other in a circle.
    ordered = sorted(postings, key=lambda p: (p.source, p.key))
    by_key = {(p.source, p.key): p for p in ordered}
    rows = execute_values(
        cursor.cursor,
        "INSERT INTO settlement_ledgerentry "
        "(operator_id, source, key, order_number, effective_at, reverses_id) "
        "VALUES %s ON CONFLICT (source, key) DO NOTHING RETURNING source, key, id",
        [
            (p.operator_id, p.source, p.key, p.order_number, p.effective_at, p.reverses)
            for p in by_key.values()
        ],
        page_size=len(by_key),
        fetch=True,
    )
    ids = {(row[0], row[1]): row[2] for row in rows}
    new = {key: by_key[key] for key in ids}
    if len(ids) < len(by_key):
        ids |= _known_entries([key for key in by_key if key not in ids])
    return ids, new


def _known_entries(keys: Sequence[_EntryKey]) -> dict[_EntryKey, int]:
    rows = LedgerEntry.objects.filter(
        source__in={source for source, _ in keys}, key__in={key for _, key in keys}
    ).values_list("source", "key", "pk")
    known = {(source, key): pk for source, key, pk in rows}
    for source, key in keys:
        if (source, key) not in known:
            raise UnableToPost(
                "posting_differs",
                f"{source} {key} was posted in a book that this role cannot see.",
            )
    return known


def _insert_lines(
    cursor: Any,  # noqa: ANN401 - Django's cursor wrapper
    new: dict[_EntryKey, Posting],
    ids: dict[_EntryKey, int],
    accounts: dict[_AccountKey, int],
) -> None:
    """All lines in one statement: the guards take an entry's lines only together."""
    rows = [
        (
            ids[key],
            posting.operator_id,
            accounts[posting.operator_id, code, currency],
            currency,
            amount_minor,
        )
        for key, posting in new.items()
        for code, currency, amount_minor in posting.lines
    ]
    if rows:
        execute_values(
            cursor.cursor,
            "INSERT INTO settlement_ledgerline "
            "(entry_id, operator_id, account_id, currency, amount_minor) VALUES %s",
            rows,
            page_size=len(rows),
        )


def _require_same(
    postings: Sequence[Posting],
    ids: dict[_EntryKey, int],
    accounts: dict[_AccountKey, int],
) -> None:
    entries = LedgerEntry.objects.prefetch_related("lines").in_bulk(
        [ids[p.source, p.key] for p in postings]
    )
    for posting in postings:
        entry = entries[ids[posting.source, posting.key]]
        theirs = Counter(
            (line.account_id, line.currency, line.amount_minor)
            for line in entry.lines.all()
        )
        ours = Counter(
            (accounts[posting.operator_id, code, currency], currency, amount_minor)
            for code, currency, amount_minor in posting.lines
        )
        if theirs != ours or entry.operator_id != posting.operator_id:
            raise UnableToPost(
                "posting_differs",
                f"{posting.source} {posting.key} was posted with other lines (entry "
                f"{entry.pk}); a correction is a reversing entry with its own key.",
            )


def reverse(*, entry_id: int, key: str, effective_at: datetime) -> int:
    """Post the mirror image of an entry; an entry is reversed at most once.

    Raises:
        UnableToPost: ``unknown_entry``, or ``posting_differs`` when the entry was
            reversed under another key.
    """
    entry = LedgerEntry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise UnableToPost("unknown_entry", f"There is no ledger entry {entry_id}.")
    known = LedgerEntry.objects.filter(reverses_id=entry_id).first()
    if known is not None:
        if known.key == key:
            return known.pk
        raise UnableToPost(
            "posting_differs",
            f"Entry {entry_id} is reversed already, by entry {known.pk}.",
        )
    lines = entry.lines.values_list("account__code", "currency", "amount_minor")
    return post(
        operator_id=entry.operator_id,
        source="reversal",
        key=key,
        effective_at=effective_at,
        lines=[(code, currency, -amount) for code, currency, amount in lines],
        reverses=entry_id,
        order_number=entry.order_number,
    )
