import asyncio
import json
import time

import psycopg2
import pytest
from django.conf import settings
from django.db import OperationalError, connection

from charge_points.gateway.limits import Limits
from charge_points.handlers.registry import Route, VersionTables, routes_by_action
from cpms.embedded import EmbeddedValkey, ensure_postgres
from tests.integration.gateway import world as tiny
from tests.integration.gateway.world import (
    PATIENCE_S,
    call,
    facts,
    meter,
    run,
    running,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]

LIMITS = Limits(close_timeout_s=2.0, tick_s=0.05, drain_s=5.0, reconnect_max_s=0.2)


def superuser(statement, *values, name="postgres"):
    url = ensure_postgres(settings.CPMS_HOME).superuser
    raw = psycopg2.connect(url, dbname=name)
    raw.autocommit = True
    with raw.cursor() as cursor:
        cursor.execute(statement, values)
    raw.close()


def close_database(name):
    """Nobody gets in, and who is in goes out: as a restart looks from outside."""
    superuser(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    superuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
        name,
    )


def open_database(name):
    superuser(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def database(table):
    name = connection.settings_dict["NAME"]
    connection.close()
    yield name
    open_database(name)


def test_when_the_database_comes_back_everything_waiting_is_answered(
    redis_url, database
):
    async def main():
        async with running(redis_url, limits=LIMITS) as world:
            sockets = []
            for i in range(5):
                world.doors.add(f"CP-{i}")
                sockets.append(await world.connect(f"CP-{i}"))
            await call(sockets[0], "MeterValues", meter(100))
            await asyncio.to_thread(close_database, database)
            answers = [
                asyncio.create_task(call(socket, "MeterValues", meter(i)))
                for i, socket in enumerate(sockets)
            ]
            await asyncio.sleep(0.5)
            waiting = [task.done() for task in answers]
            # What needs no database goes on.
            world.doors.add("CP-9")
            await asyncio.to_thread(open_database, database)
            found = await asyncio.gather(*answers)
            for socket in sockets:
                await socket.close()
            return waiting, found

    waiting, found = run(main())
    assert not any(waiting)
    assert found == [[3, "1", {}]] * 5
    assert sorted(key for *_, key in facts()) == sorted(
        ["100", "0", "1", "2", "3", "4"]
    )


def test_a_request_that_waited_too_long_gets_internal_error(redis_url, database):
    limits = Limits(answer_within_s=0.5, reconnect_max_s=0.1, close_timeout_s=1.0)

    async def main():
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                await call(socket, "MeterValues", meter(0))
                await asyncio.to_thread(close_database, database)
                late = await call(socket, "MeterValues", meter(1))
                heartbeat = await call(socket, "Heartbeat", {})
                await asyncio.to_thread(open_database, database)
                again = await call(socket, "MeterValues", meter(1))
                return late, heartbeat, again

    late, heartbeat, again = run(main())
    assert late[2] == "InternalError"
    assert heartbeat[0] == 3
    assert again == [3, "1", {}]
    assert [key for *_, key in facts()] == ["0", "1"]


def test_a_full_queue_answers_at_once_that_it_is_full(redis_url, database):
    limits = Limits(writer_queue_max=3, close_timeout_s=1.0, reconnect_max_s=0.1)

    async def main():
        async with running(redis_url, limits=limits) as world:
            sockets = []
            for i in range(6):
                world.doors.add(f"CP-{i}")
                sockets.append(await world.connect(f"CP-{i}"))
            await asyncio.to_thread(close_database, database)
            answers = [
                asyncio.create_task(call(socket, "MeterValues", meter(i)))
                for i, socket in enumerate(sockets)
            ]
            await until(lambda: sum(task.done() for task in answers) >= 3)
            await asyncio.to_thread(open_database, database)
            found = await asyncio.gather(*answers)
            for socket in sockets:
                await socket.close()
            return found

    found = run(main())
    refused = [frame for frame in found if frame[0] == 4]
    assert {frame[2] for frame in refused} == {"InternalError"}
    assert 3 <= len(refused) < 6
    assert len(facts()) == 6 - len(refused)


class Deadlocked(Exception):
    pgcode = "40P01"


def test_a_deadlock_is_repeated_inside_and_never_shown(redis_url):
    tries = []

    def deadlocking(requests):
        tries.append(len(requests))
        answers = tiny.meter_values(requests)
        if len(tries) < 3:
            raise OperationalError("deadlock detected") from Deadlocked()
        return answers

    routes = [Route("1.6", "MeterValues", deadlocking, "set", "Core")]
    tables = {
        "1.6": VersionTables(
            "1.6", routes_by_action(routes), {}, tiny.translate_v16, tiny.interpret
        )
    }

    async def main():
        async with running(redis_url, tables=tables) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                return await call(socket, "MeterValues", meter(1))

    assert run(main()) == [3, "1", {}]
    assert tries == [1, 1, 1]
    assert len(facts()) == 1


def test_a_commit_that_fails_fails_only_the_request_that_made_it_fail(redis_url):
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "ALTER TABLE gateway_test_fact ADD CONSTRAINT one_key UNIQUE (key) "
            "DEFERRABLE INITIALLY DEFERRED"
        )
        cursor.execute("SET ROLE cpms_system")

    async def main():
        async with running(redis_url) as world:
            sockets = []
            for i in range(4):
                world.doors.add(f"CP-{i}")
                sockets.append(await world.connect(f"CP-{i}"))
            gate = world.connect("CP-G")
            world.doors.add("CP-G")
            blocker = await gate
            await blocker.send(
                json.dumps([2, "w", "DataTransfer", {"vendorId": "wait"}])
            )
            await until(lambda: tiny.busy(world) == 1)
            answers = [
                asyncio.create_task(call(socket, "MeterValues", meter(key)))
                for socket, key in zip(sockets, (1, 2, 1, 3), strict=True)
            ]
            await until(lambda: tiny.busy(world) == 5)
            tiny.GATE.set()
            found = await asyncio.gather(*answers)
            for socket in (*sockets, blocker):
                await socket.close()
            return found

    found = run(main())
    assert sorted(frame[0] for frame in found) == [3, 3, 3, 4]
    assert sorted(key for *_, key in facts()) == ["1", "2", "3"]


def test_without_redis_charging_and_polled_commands_go_on(tmp_path):
    valkey = EmbeddedValkey(tmp_path, idle_s=600)
    url = valkey.ensure()
    limits = Limits(
        redis_timeout_s=0.3,
        redis_retry_max_s=0.2,
        command_poll_s=0.2,
        lease_refresh_s=0.2,
        close_timeout_s=1.0,
    )

    async def main():
        async with running(url, limits=limits) as world:
            await until(lambda: world.gateway.bus.is_up)
            station = world.doors.add("CP-1")
            world.doors.add("CP-2")
            async with world.connect("CP-1") as socket:
                await call(socket, "MeterValues", meter(1))
                await asyncio.to_thread(valkey.stop)
                await until(lambda: not world.gateway.bus.is_up)
                answer = await call(socket, "MeterValues", meter(2))
                async with world.connect("CP-2") as other:
                    new = await call(other, "MeterValues", meter(3))
                world.doors.queue(station, "reset")
                frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                back = await asyncio.to_thread(valkey.ensure)
                if back == url:
                    await until(lambda: world.gateway.bus.is_up)
                return answer, new, frame[2]

    try:
        assert run(main()) == ([3, "1", {}], [3, "1", {}], "Reset")
    finally:
        valkey.erase()


def test_a_gateway_starts_and_serves_without_redis():
    async def main():
        limits = Limits(redis_timeout_s=0.2, close_timeout_s=1.0)
        async with running("redis://127.0.0.1:1/0", limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                started = time.monotonic()
                answer = await call(socket, "MeterValues", meter(1))
                return answer, time.monotonic() - started

    answer, _ = run(main())
    assert answer == [3, "1", {}]
