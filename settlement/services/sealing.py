"""The hash chain of each book, sealed in batches, so that posting stays parallel.

A seal covers the entries of a book after the previous seal up to ``last_entry``. It
may only name ids that are decided: an entry that is still being written could hold a
smaller id than one that is visible. Ids are drawn after the database transaction has
its number (trigger ``ledger_take_txid``), so once every transaction that was running
at the look has ended, all ids up to that look's highest are decided. PostgreSQL numbers
the transactions of all databases of a server together, so a long one elsewhere delays
a seal, and no more than that.
"""

import time
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from settlement.models import LedgerAccount, LedgerSeal

SEAL_ENTRIES_MAX: Final = 10_000
SEALS_A_RUN_MAX: Final = 200
HORIZON_WAIT_S: Final = 5.0
HORIZON_POLL_S: Final = 0.05
FIRST_DIGEST: Final = bytes(32)
LOCK_CLASS: Final = 4_205
"""First key of the advisory locks; the second one is the book."""

DIGESTS: Final = """
SELECT e.operator_id, e.id, sha256(convert_to(format(
         '%%s %%s %%L %%L %%L %%s %%s', e.id, e.operator_id, e.source, e.key,
         e.order_number, (extract(epoch FROM e.effective_at) * 1000000)::bigint,
         coalesce(e.reverses_id, 0)) || (
           SELECT string_agg(format('|%%L %%s %%s', a.code, l.currency,
                             l.amount_minor), '' ORDER BY l.id)
             FROM settlement_ledgerline l
             JOIN settlement_ledgeraccount a ON a.id = l.account_id
            WHERE l.entry_id = e.id), 'UTF8')) AS digest
  FROM settlement_ledgerentry e WHERE {entries}
"""
"""Every entry's own SHA-256, over all that it says. By entry, so that no estimate of
the planner can make it slow. Doubled percent signs: the text goes through the driver's
parameters."""


def horizon() -> int | None:
    """The highest entry id up to which every id is decided; None = not now.

    Raises:
        RuntimeError: called inside a database transaction, which would wait for
            itself.
    """
    if connection.in_atomic_block:
        raise RuntimeError("A horizon is looked for outside of a transaction.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(id), 0), "
            "pg_snapshot_xmax(pg_current_snapshot())::text FROM settlement_ledgerentry"
        )
        highest, running = cursor.fetchone()
        give_up_at = time.monotonic() + HORIZON_WAIT_S
        while True:
            cursor.execute(
                "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8", [running]
            )
            if cursor.fetchone()[0]:
                return int(highest)
            if time.monotonic() >= give_up_at:
                return None
            time.sleep(HORIZON_POLL_S)


def seal_all(*, at: datetime) -> int:
    """Seal what is decided in every book; returns the number of entries sealed."""
    upto = horizon()
    if upto is None:
        return 0
    books = LedgerAccount.objects.order_by("operator_id").distinct("operator_id")
    sealed = 0
    for operator_id in books.values_list("operator_id", flat=True):
        for _ in range(SEALS_A_RUN_MAX):
            count = seal_next(operator_id=operator_id, upto=upto, at=at)
            sealed += count
            if count < SEAL_ENTRIES_MAX:
                break
    return sealed


@transaction.atomic
def seal_next(*, operator_id: int, upto: int, at: datetime) -> int:
    """Seal the next batch of one book, up to a decided id.

    Returns:
        How many entries were sealed; 0 when none is left.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, operator_id]
        )
    last = (
        LedgerSeal.objects.filter(operator_id=operator_id).order_by("-number").first()
    )
    after = last.last_entry if last else 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(id), max(id), count(*) FROM (SELECT id FROM "
            "settlement_ledgerentry WHERE operator_id = %s AND id > %s AND id <= %s "
            "ORDER BY id LIMIT %s) batch",
            [operator_id, after, upto, SEAL_ENTRIES_MAX],
        )
        first, until, count = cursor.fetchone()
        if not count:
            return 0
        previous = bytes(last.digest) if last else FIRST_DIGEST
        digest = _digest(operator_id, first, until, previous)
    LedgerSeal.objects.create(
        operator_id=operator_id,
        number=last.number + 1 if last else 1,
        first_entry=first,
        last_entry=until,
        entries=count,
        previous_digest=previous,
        digest=digest,
        sealed_at=at,
    )
    return int(count)


def _digest(operator_id: int, first: int, until: int, previous: bytes) -> bytes:
    sql = DIGESTS.format(entries="e.operator_id = %s AND e.id BETWEEN %s AND %s")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sha256(%s || string_agg(digest, ''::bytea ORDER BY id)) "  # noqa: S608 - constants
            f"FROM ({sql}) d",
            [previous, operator_id, first, until],
        )
        return bytes(cursor.fetchone()[0])
