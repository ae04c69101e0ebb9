"""On whose behalf the web works right now: SET LOCAL for row level security.

Outside of these contexts the web's database role sees no tenant row at all. The
``system`` role (gateway, workers) is not affected.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from django.db import connection, transaction

# What was set is read before anything is: a CTE of its own, one statement.
_EXCHANGE: Final = (
    "WITH before AS MATERIALIZED (SELECT current_setting('cpms.role', true) AS role, "
    "current_setting('cpms.operator_ids', true) AS operator_ids, "
    "current_setting('cpms.driver_id', true) AS driver_id) "
    "SELECT before.*, set_config('cpms.role', %s, true), "
    "set_config('cpms.operator_ids', %s, true), "
    "set_config('cpms.driver_id', %s, true) FROM before"
)
_WRITE: Final = (
    "SELECT set_config('cpms.role', %s, true), "
    "set_config('cpms.operator_ids', %s, true), "
    "set_config('cpms.driver_id', %s, true)"
)

PLATFORM: Final = "platform"
_lexical: ContextVar[str] = ContextVar("scope", default="")
"""The innermost scope of the code that runs; the database's own setting counts."""


def set_scope(
    *, role: str, operator_ids: Iterable[int] = (), driver_id: int | None = None
) -> None:
    """Set the scope until the end of the database transaction.

    Raises:
        TransactionManagementError: there is no database transaction: the scope
            would be lost at once.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "Row level security scopes live in a database transaction."
        )
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, _values(role, operator_ids, driver_id))


def _values(role: str, operator_ids: Iterable[int], driver_id: int | None) -> list[str]:
    ids = ",".join(str(int(value)) for value in operator_ids)
    return [role, ids, "" if driver_id is None else str(driver_id)]


@contextmanager
def _scope(
    role: str, operator_ids: Iterable[int] = (), driver_id: int | None = None
) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_EXCHANGE, _values(role, operator_ids, driver_id))
            before = [value or "" for value in cursor.fetchone()[:3]]
        outer = _lexical.set(role)
        try:
            yield
        finally:
            _lexical.reset(outer)
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, before)


@contextmanager
def acting_for(operator_ids: Iterable[int]) -> Iterator[None]:
    """Work for these operators: their rows and no others."""
    with _scope("operator", operator_ids):
        yield


@contextmanager
def able_to_read_driver(driver_id: int) -> Iterator[None]:
    """As ``acting_as_driver``, or as the platform where that is the scope already.

    For statements that name the driver themselves; saves five statements.
    """
    if _lexical.get() == PLATFORM:
        yield
        return
    with acting_as_driver(driver_id):
        yield


@contextmanager
def acting_as_driver(driver_id: int) -> Iterator[None]:
    """Read as this driver: its own rows and what is public."""
    with _scope("driver", driver_id=driver_id):
        yield


@contextmanager
def acting_as_platform(reason: str) -> Iterator[None]:
    """Work over all operators, for a stated reason (kept for the reader)."""
    if not reason:
        raise ValueError("Say why this must see every operator's rows.")
    with _scope(PLATFORM):
        yield
