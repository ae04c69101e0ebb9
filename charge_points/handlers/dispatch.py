"""Executes a group of requests of one route inside the group's database transaction.

A set runs in one savepoint; when it raises, its members run alone, each in a savepoint
of its own, so that one bad request never fails its neighbours. Two kinds of errors are
not the request's fault and leave this file for the writer to handle: a lost database
and a conflict with another transaction (deadlock, serialisation failure).

Nearly always nothing raises, and every savepoint is two more trips to the database.
So the writer first tries a batch within ``without_savepoints()``, where every error
leaves this file, and repeats the batch with them when there was one.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar, cast

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    transaction,
)

from charge_points.handlers.registry import (
    Answer,
    Later,
    OneHandler,
    Refusal,
    Request,
    Route,
    SetHandler,
)
from charge_points.ocpp.errors import Fault, code_for
from cpms.kernel.errors import DomainError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

# SQLSTATE: serialization_failure, deadlock_detected, lock_not_available.
CONFLICT_CODES: Final = frozenset({"40001", "40P01", "55P03"})
# connection exceptions, insufficient resources, operator intervention (shutdown), I/O.
# 57014 (query cancelled) is a statement's own fault.
LOST_CLASSES: Final = frozenset({"08", "53", "57", "58"})
QUERY_CANCELED: Final = "57014"
# Number out of range, text too long, check violation.
UNKEEPABLE_CODES: Final = frozenset({"22003", "22001", "23514"})


def sqlstate(error: BaseException) -> str | None:
    """SQLSTATE of a database error, None when the server never said one."""
    code = getattr(error.__cause__, "pgcode", None)
    return str(code) if code else None


def is_conflict(error: BaseException) -> bool:
    """Whether the same work may simply be tried again."""
    return sqlstate(error) in CONFLICT_CODES


def is_lost(error: BaseException) -> bool:
    """Whether the database (or the way to it) is away."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = sqlstate(error)
    if code is None:
        return True
    return code[:2] in LOST_CLASSES and code != QUERY_CANCELED


class _Mode(threading.local):
    has_savepoints = True


_mode = _Mode()


@contextmanager
def without_savepoints() -> Iterator[None]:
    """In this thread and block errors are not caught: the caller rolls all back."""
    _mode.has_savepoints = False
    try:
        yield
    finally:
        _mode.has_savepoints = True


def run_set(
    handler: Callable[[Sequence[Item]], Sequence[Result]],
    items: Sequence[Item],
    failed: Callable[[Item, Exception], Result],
) -> list[Result]:
    """Run ``handler`` on all items at once, or on each alone when that raises.

    Args:
        handler: returns one result per item, in order.
        items: at least one.
        failed: makes the result of an item that fails alone.

    Raises:
        Exception: the database is lost, or there was a conflict: try all again. Any
            error ``without_savepoints``.
    """
    if not _mode.has_savepoints:
        return _counted(handler, items)
    try:
        return _in_savepoint(handler, items)
    except Exception as error:
        if is_lost(error) or is_conflict(error):
            raise
        if len(items) == 1:
            return [failed(items[0], error)]
        logger.warning(
            "a set of %d failed (%s: %s); each is run alone",
            len(items),
            type(error).__name__,
            error,
        )
    return [_run_alone(handler, item, failed) for item in items]


def _in_savepoint(
    handler: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]
) -> list[Result]:
    with transaction.atomic():
        return _counted(handler, items)


def _counted(
    handler: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]
) -> list[Result]:
    results = handler(items)
    if len(results) != len(items):
        raise ValueError(
            f"{handler} gave {len(results)} results for {len(items)} items"
        )
    return list(results)


def _run_alone(
    handler: Callable[[Sequence[Item]], Sequence[Result]],
    item: Item,
    failed: Callable[[Item, Exception], Result],
) -> Result:
    try:
        return _in_savepoint(handler, [item])[0]
    except Exception as error:
        if is_lost(error) or is_conflict(error):
            raise
        return failed(item, error)


def _is_unkeepable(error: Exception) -> bool:
    """Whether a column refuses the value: too large, too long, or below 0."""
    return isinstance(error, DatabaseError) and sqlstate(error) in UNKEEPABLE_CODES


def refusal_for(request: Request, error: Exception) -> Refusal:
    """The CALLERROR of a request that failed.

    What the domain refuses is told to the charger; a fault of ours is InternalError,
    upon which chargers send transaction messages again.
    """
    version = request.peer.version
    if isinstance(error, DomainError):
        return Refusal(code_for(version, Fault.GENERIC), error.message)
    if _is_unkeepable(error):
        # The schemas bound few numbers; sent again it would be no smaller.
        logger.warning(
            "%s of %s holds what no column takes: %s",
            request.action,
            request.peer.identity,
            error,
        )
        return Refusal(
            code_for(version, Fault.VALUE), "A value is outside of what can be kept."
        )
    logger.error(
        "%s of %s failed",
        request.action,
        request.peer.identity,
        exc_info=error,
    )
    return Refusal(code_for(version, Fault.INTERNAL), "Internal error; send again.")


def execute(route: Route, requests: Sequence[Request]) -> list[Answer | Later]:
    """Answer requests of one database route, in order.

    Raises:
        ValueError: ``route`` is answered on the event loop.
        Exception: as ``run_set``.
    """
    if route.mode == "set":
        answers = run_set(cast("SetHandler", route.handler), requests, refusal_for)
        return [*answers]
    if route.mode == "loop":
        raise ValueError(f"{route.action} is answered on the event loop")
    handler = cast("OneHandler", route.handler)

    def alone(group: Sequence[Request]) -> list[Answer | Later]:
        return [handler(request) for request in group]

    if not _mode.has_savepoints:
        return alone(requests)
    return [_run_alone(alone, request, refusal_for) for request in requests]
