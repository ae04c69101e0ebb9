"""The ledger as beancount and as CSV, streamed entry by entry."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from django.db.models import Min

from cpms.accounts.models import Operator
from cpms.kernel.money import from_minor
from settlement.models import PLATFORM_BOOK, LedgerAccount, LedgerEntry, LedgerLine

CHUNK: Final = 2_000
PLATFORM_NAME: Final = "Platform"
_ROOTS: Final = {
    LedgerAccount.Type.ASSET: "Assets",
    LedgerAccount.Type.LIABILITY: "Liabilities",
    LedgerAccount.Type.INCOME: "Income",
    LedgerAccount.Type.EXPENSE: "Expenses",
}
CSV_COLUMNS: Final = (
    "entry",
    "book",
    "effective_at",
    "source",
    "key",
    "order_number",
    "reverses",
    "account",
    "type",
    "amount",
    "amount_minor",
    "currency",
)


def _book_names(operator_id: int | None) -> dict[int, str]:
    rows = Operator.objects.all()
    if operator_id is not None:
        rows = rows.filter(pk=operator_id)
    names = dict(rows.values_list("pk", "code"))
    if operator_id in {None, PLATFORM_BOOK}:
        names[PLATFORM_BOOK] = PLATFORM_NAME
    return names


def _component(text: str) -> str:
    """A part of a beancount account: begins upper-case, letters, digits and dashes."""
    found = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "X"
    return found[0].upper() + found[1:] if found[0].isalpha() else f"N{found}"


def _accounts(books: dict[int, str]) -> dict[int, str]:
    """Beancount names by account id; what two codes would share gets the id."""
    names: dict[int, str] = {}
    taken: dict[str, str] = {}
    rows = LedgerAccount.objects.filter(operator_id__in=books).order_by("pk")
    for row in rows:
        parts = [_component(part) for part in row.code.split(":")]
        root = _ROOTS[LedgerAccount.Type(row.type)]
        name = ":".join([root, _component(books[row.operator_id]), *parts])
        if taken.setdefault(name, f"{row.operator_id} {row.code}") != (
            f"{row.operator_id} {row.code}"
        ):
            name = f"{name}-{row.pk}"
        names[row.pk] = name
    return names


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_beancount(operator_id: int | None = None) -> Iterator[str]:
    """Lines of a beancount file: one book (0 = the platform's), or all of them.

    Amounts are exact decimals; debit stays positive. Each transaction carries entry,
    key and order number as metadata.
    """
    books = _book_names(operator_id)
    names = _accounts(books)
    yield 'option "title" "CPMS ledger"'
    yield from _openings(books, names)
    for entry, lines in _entries(books):
        date = entry.effective_at.date().isoformat()
        yield f"\n{date} * {_quoted(entry.source)} {_quoted(entry.key)}"
        yield f"  entry: {_quoted(str(entry.pk))}"
        if entry.order_number:
            yield f"  order: {_quoted(entry.order_number)}"
        if entry.reverses_id is not None:
            yield f"  reverses: {_quoted(str(entry.reverses_id))}"
        for line in lines:
            amount = from_minor(line.amount_minor, line.currency)
            yield f"  {names[line.account_id]}  {amount} {line.currency}"


def _openings(books: dict[int, str], names: dict[int, str]) -> Iterator[str]:
    first = LedgerEntry.objects.filter(operator_id__in=books).aggregate(
        first=Min("effective_at")
    )["first"]
    if first is None:
        return
    rows = LedgerAccount.objects.filter(operator_id__in=books).order_by("pk")
    opened: dict[str, list[str]] = {}
    codes: dict[str, str] = {}
    for row in rows:
        opened.setdefault(names[row.pk], []).append(row.currency)
        codes[names[row.pk]] = row.code
    for name, currencies in opened.items():
        yield f"{first.date().isoformat()} open {name} {','.join(currencies)}"
        yield f"  code: {_quoted(codes[name])}"


def _entries(
    books: dict[int, str],
) -> Iterator[tuple[LedgerEntry, list[LedgerLine]]]:
    after = 0
    while True:
        rows = list(
            LedgerEntry.objects.filter(operator_id__in=books, pk__gt=after)
            .order_by("pk")
            .prefetch_related("lines")[:CHUNK]
        )
        if not rows:
            return
        for entry in rows:
            yield entry, sorted(entry.lines.all(), key=lambda line: line.pk)
        after = rows[-1].pk


def as_csv(operator_id: int | None = None) -> Iterator[str]:
    """One CSV row a leg, a header first; of one book, or all."""
    books = _book_names(operator_id)
    kinds = {
        row.pk: (row.code, row.type)
        for row in LedgerAccount.objects.filter(operator_id__in=books)
    }
    yield _row(CSV_COLUMNS)
    for entry, lines in _entries(books):
        for line in lines:
            code, kind = kinds[line.account_id]
            yield _row(
                (
                    entry.pk,
                    books[entry.operator_id],
                    entry.effective_at.isoformat(),
                    entry.source,
                    entry.key,
                    entry.order_number,
                    entry.reverses_id or "",
                    code,
                    kind,
                    str(from_minor(line.amount_minor, line.currency)),
                    line.amount_minor,
                    line.currency,
                )
            )


def _row(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().rstrip("\n")
