"""Connections of charge points: the generation fence and who is online."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from charge_points import events
from charge_points.services.facts import ConnectionOpening
from charge_points.services.rows import fetch_rows
from cpms.outbox import publish_many

# A password that replaces another one counts alone once the newest was accepted; the
# gateway does not tell which one was used, so both stay until the next change.
# Waits for every database transaction that is fenced on these rows, and no longer one
# row out of order with another process.
_LOCK: Final = """
SELECT FROM charge_points_chargepoint WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
_FENCE: Final = """
SELECT id, generation FROM charge_points_chargepoint WHERE id = ANY(%s)
ORDER BY id FOR KEY SHARE
"""
_OPEN: Final = """
UPDATE charge_points_chargepoint AS station SET
    generation = station.generation + 1, ocpp_version = v.version,
    connected_at = v.at, disconnected_at = NULL, node = v.node
FROM (VALUES %s) AS v (id, version, at, node)
WHERE station.id = v.id
RETURNING station.id, station.generation, station.operator_id, station.identity
"""
_CLOSE: Final = """
UPDATE charge_points_chargepoint AS station SET disconnected_at = v.at
FROM (VALUES %s) AS v (id, generation, at)
WHERE station.id = v.id AND station.generation = v.generation
  AND station.disconnected_at IS NULL
RETURNING station.id, station.operator_id, v.at, station.identity
"""


@transaction.atomic(savepoint=False)
def open_many(openings: Sequence[ConnectionOpening]) -> list[int]:
    """Give each new connection the next generation of its charge point.

    Two connections of one charge point in the same set get two generations: the
    later one in the sequence is the newer. What an older connection was allowed to
    write by ``fence`` is committed before this returns; nothing of it comes after.

    Returns:
        Generations in order; 0 for a charge point that is gone.
    """
    generations = [0] * len(openings)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[opening.charge_point_id for opening in openings]])
    waiting = list(enumerate(openings))
    while waiting:
        rest = []
        turn: dict[int, int] = {}
        for index, opening in waiting:
            if opening.charge_point_id in turn:
                rest.append((index, opening))
            else:
                turn[opening.charge_point_id] = index
        _open_turn(openings, turn, generations)
        waiting = rest
    return generations


def _open_turn(
    openings: Sequence[ConnectionOpening],
    turn: dict[int, int],
    generations: list[int],
) -> None:
    chosen = [(key, openings[index]) for key, index in sorted(turn.items())]
    found = fetch_rows(
        _OPEN,
        [(key, o.version, o.at, o.node[:80]) for key, o in chosen],
        template="(%s::bigint,%s,%s::timestamptz,%s)",
    )
    for key, generation, _, _ in found:
        generations[turn[key]] = generation
    by_key = dict(chosen)
    publish_many(
        [
            events.charge_point_connected(
                operator_id=operator_id,
                charge_point_id=key,
                charge_point=identity,
                version=by_key[key].version,
                at=by_key[key].at,
            )
            for key, _, operator_id, identity in found
        ]
    )


def open_connection(*, charge_point_id: int, version: str, at: datetime) -> int:
    """As ``open_many`` for one."""
    return open_many([ConnectionOpening(charge_point_id, version, at)])[0]


@transaction.atomic(savepoint=False)
def close_many(closings: Sequence[tuple[int, int, datetime]]) -> None:
    """Note ends of connections (charge point id, generation, at).

    The end of a connection that is not the newest changes nothing.
    """
    found = fetch_rows(
        _CLOSE, sorted(closings), template="(%s::bigint,%s::bigint,%s::timestamptz)"
    )
    publish_many(
        [
            events.charge_point_disconnected(
                operator_id=operator_id,
                charge_point_id=key,
                charge_point=identity,
                at=at,
            )
            for key, operator_id, at, identity in found
        ]
    )


def close_connection(*, charge_point_id: int, generation: int, at: datetime) -> None:
    """As ``close_many`` for one."""
    close_many([(charge_point_id, generation, at)])


def fence(*, charge_point_ids: Sequence[int]) -> dict[int, int]:
    """As ``generations``, and no newer one begins before this transaction ends.

    Fences do not wait for each other, nor for other changes of the charge points.
    Whoever calls this must not open connections in the same database transaction:
    two of them could wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FENCE, [list(charge_point_ids)])
        return dict(cursor.fetchall())


def generations(*, charge_point_ids: Sequence[int]) -> dict[int, int]:
    """The newest generation of each charge point."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, generation FROM charge_points_chargepoint WHERE id = ANY(%s)",
            [list(charge_point_ids)],
        )
        return dict(cursor.fetchall())
