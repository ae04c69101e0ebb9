"""On whose behalf the web works right now: SET LOCAL for row level security.

Outside of these contexts the web's database role sees no tenant row at all. The
``system`` role (gateway, workers) is not affected.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

_READ: Final = (
    "SELECT current_setting('cpms.role', true), "
    "current_setting('cpms.operator_ids', true), "
    "current_setting('cpms.driver_id', true)"
)
_WRITE: Final = (
    "SELECT set_config('cpms.role', %s, true), "
    "set_config('cpms.operator_ids', %s, true), "
    "set_config('cpms.driver_id', %s, true)"
)


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
    ids = ",".join(str(int(value)) for value in operator_ids)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [role, ids, "" if driver_id is None else str(driver_id)])


@contextmanager
def _scope(
    role: str, operator_ids: Iterable[int] = (), driver_id: int | None = None
) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_READ)
            before = [value or "" for value in cursor.fetchone()]
        set_scope(role=role, operator_ids=operator_ids, driver_id=driver_id)
        yield
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, before)


@contextmanager
def acting_for(operator_ids: Iterable[int]) -> Iterator[None]:
    """Work for these operators: their rows and no others."""
    with _scope("operator", operator_ids):
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
    with _scope("platform"):
        yield
