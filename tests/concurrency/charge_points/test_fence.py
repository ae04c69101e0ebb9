"""What an older connection still writes is committed before a newer one begins."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import connection, transaction

from charge_points.models import ChargePoint
from charge_points.services import connections
from charge_points.services.facts import ConnectionOpening
from tests.concurrency.charge_points.racing import WAIT_MAX_S, race
from tests.integration.charge_points.world import NOON, make_station

AT_ONCE = 4


def opening(station):
    return ConnectionOpening(station.id, "1.6", NOON)


def fence(station):
    return connections.fence(charge_point_ids=[station.id])


def in_own_connection(deed):
    try:
        return deed()
    finally:
        connection.close()


def someone_waits_for_us():
    with connection.cursor() as cursor:
        cursor.execute(
            # Of all views of activity only this one is not frozen in a transaction.
            "SELECT count(*) FROM pg_locks WHERE NOT granted "
            "AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


def until(condition):
    deadline = time.monotonic() + WAIT_MAX_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_newer_connection_waits_for_what_an_older_one_writes(station):
    connections.open_many([opening(station)])
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert fence(station) == {station.id: 1}
            newer = pool.submit(
                in_own_connection, partial(connections.open_many, [opening(station)])
            )
            until(someone_waits_for_us)
            assert not newer.done()
            assert fence(station) == {station.id: 1}
        assert newer.result(WAIT_MAX_S) == [2]
    assert connections.generations(charge_point_ids=[station.id]) == {station.id: 2}


def test_an_older_connection_sees_the_newer_one_that_was_being_opened(station):
    connections.open_many([opening(station)])

    def fenced():
        with transaction.atomic():
            return fence(station)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            connections.open_many([opening(station)])
            older = pool.submit(in_own_connection, fenced)
            until(someone_waits_for_us)
        assert older.result(WAIT_MAX_S) == {station.id: 2}


def test_fences_do_not_wait_for_each_other_nor_for_other_changes(station):
    def change():
        with transaction.atomic():
            return ChargePoint.objects.filter(pk=station.id).update(node="other")

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        fence(station)
        for deed in (partial(transaction.atomic(fence), station), change):
            assert pool.submit(in_own_connection, deed).result(WAIT_MAX_S)


def test_openings_of_many_stations_in_any_order_never_deadlock(station):
    others = [station, make_station("CP2"), make_station("CP3")]
    barrier = threading.Barrier(AT_ONCE)

    def open_all(stations):
        barrier.wait(WAIT_MAX_S)
        for _ in range(5):
            connections.open_many([opening(one) for one in stations])

    results = race(
        *[partial(open_all, others), partial(open_all, others[::-1])] * (AT_ONCE // 2)
    )
    assert results == [None] * AT_ONCE
    ids = [one.id for one in others]
    assert set(connections.generations(charge_point_ids=ids).values()) == {AT_ONCE * 5}
