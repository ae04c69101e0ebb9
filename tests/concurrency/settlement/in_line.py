"""Races whose turns are set by the database's own queue, not by speed.

Somebody holds a row; the deeds begin one after the other, each only when the one
before stands in the row's queue (or is over). Then the row is let go, and PostgreSQL
serves the queue in its order. Two deeds that lock the same rows in different orders
wait for each other then, every time: PostgreSQL says ``deadlock detected`` to one.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection, transaction
from django.db.models import QuerySet

PATIENCE_S = 60.0

_WAITS = "SELECT cardinality(pg_blocking_pids(%s)) > 0"


def in_line(held: QuerySet, *deeds: Callable[[], object]) -> list[object]:
    """Begin deeds one after the other while a row is held, then let it go.

    Args:
        held: the row that is held meanwhile; it must be there.
        deeds: each is run in a thread and a database connection of its own.

    Returns:
        What each returned, or the error that it raised.
    """
    with ThreadPoolExecutor(len(deeds)) as pool:
        with transaction.atomic():
            assert list(held.select_for_update().values_list("pk")), "nothing to hold"
            begun = [_begin(pool, deed) for deed in deeds]
        return [future.result(PATIENCE_S) for future in begun]


def _begin(pool: ThreadPoolExecutor, deed: Callable[[], object]) -> Future[object]:
    pids: list[int] = []
    connected = threading.Event()

    def run() -> object:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            connected.set()
            return deed()
        except Exception as error:  # noqa: BLE001 - the result of this deed
            return error
        finally:
            connection.close()

    future = pool.submit(run)
    assert connected.wait(PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while not future.done() and not _waits(pids[0]):
        assert time.monotonic() < deadline, "neither over nor in the queue"
        time.sleep(0.005)
    return future


def _waits(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITS, [pid])
        return bool(cursor.fetchone()[0])
