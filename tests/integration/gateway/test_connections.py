import asyncio
import json
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from charge_points.gateway import connection
from charge_points.gateway.limits import Limits
from charge_points.gateway.presence import parse_lease
from tests.integration.gateway.memory_doors import PASSWORD, MemoryDoors
from tests.integration.gateway.world import (
    PATIENCE_S,
    call,
    facts,
    meter,
    run,
    running,
    until,
    until_redis,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]


async def status_of(connecting):
    """The HTTP status of a refused handshake, 101 when it was accepted."""
    try:
        async with connecting:
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def close_code_of(socket):
    with suppress(ConnectionClosed):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ocpp/CP-1", 101),
        ("/ocpp/CP-1/", 101),
        ("/ocpp/CP%2D1", 101),
        ("/ocpp/north/CP-1", 101),
        ("/ocpp/CP-2", 404),
        ("/ocpp/south/CP-1", 404),
        ("/ocpp/", 404),
        ("/", 404),
        ("/ocpp/CP-1/extra/parts", 404),
        ("/ocpp/CP%201", 404),
    ],
)
def test_only_a_known_address_is_connected(redis_url, path, status):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            url = f"ws://127.0.0.1:{world.port}{path}"
            return await status_of(world.connect("CP-1", url=url))

    assert run(main()) == status


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        ("CP-1", PASSWORD, 101),
        ("CP-1", PASSWORD.encode().hex(), 101),
        ("CP-1", "wrong", 401),
        ("CP-1", "", 401),
        ("CP-2", PASSWORD, 401),
        ("CP-1", None, 401),
    ],
)
def test_security_profile_1_needs_the_password(redis_url, user, password, status):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            found = await status_of(world.connect("CP-1", password, user=user))
            return found, world.doors.breaches

    found, breaches = run(main())
    assert found == status
    assert len(breaches) == (status != 101)


@pytest.mark.parametrize(
    ("profile", "allowed", "status"), [(0, True, 101), (0, False, 403), (2, True, 403)]
)
def test_profiles_are_enforced_on_the_plain_port(redis_url, profile, allowed, status):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1", security_profile=profile, profile_0_allowed=allowed)
            return await status_of(world.connect("CP-1"))

    assert run(main()) == status


def test_an_address_that_fails_too_often_has_to_wait(redis_url):
    async def main():
        limits = Limits(failures_per_address_max=3, close_timeout_s=2.0)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            return [
                await status_of(world.connect("CP-1", password))
                for password in ("a", "b", "c", PASSWORD)
            ]

    assert run(main()) == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1"], "ocpp2.0.1"),
        (["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp1.5", "ocpp1.6"], "ocpp1.6"),
        (None, None),
    ],
)
def test_the_first_known_subprotocol_is_chosen(redis_url, offered, chosen):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1", subprotocols=offered) as socket:
                answer = await call(socket, "Heartbeat", {})
                return socket.subprotocol, answer[0]

    assert run(main()) == (chosen, 3)


@pytest.mark.parametrize(("offered", "optional"), [(["ocpp1.5"], True), (None, False)])
def test_without_a_common_subprotocol_the_handshake_ends_closed(
    redis_url, offered, optional
):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1", subprotocol_optional=optional)
            async with world.connect("CP-1", subprotocols=offered) as socket:
                code, _ = await close_code_of(socket)
                return socket.subprotocol, code, world.doors.openings

    assert run(main()) == (None, 1002, [])


def test_a_new_charge_point_on_the_onboarding_address_waits_as_pending(redis_url):
    async def main():
        async with running(redis_url) as world:
            url = world.url("NEW-1", "/ocpp/north/")
            async with world.connect("NEW-1", None, url=url) as socket:
                answer = await call(socket, "MeterValues", meter(1))
            return answer, world.doors.stations["NEW-1"].registration

    answer, registration = run(main())
    assert answer[2] == "SecurityError"
    assert registration == "Pending"


def test_a_new_connection_evicts_the_old_one(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            old = await world.connect("CP-1")
            async with world.connect("CP-1") as new:
                code, reason = await close_code_of(old)
                answer = await call(new, "MeterValues", meter(1))
            await until(lambda: len(world.gateway.directory) == 0)
        return code, reason, answer, world.doors.closings

    code, reason, answer, closings = run(main())
    assert (code, reason) == (1000, "replaced by a newer connection")
    assert answer == [3, "1", {}]
    assert [closing.generation for closing in closings] == [2]


def test_what_an_evicted_connection_still_wants_to_write_is_refused(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                await call(socket, "Heartbeat", {})
                # Another process took the charge point over; nobody told us.
                world.doors.newest[station.charge_point_id] += 1
                await socket.send(json.dumps([2, "1", "MeterValues", meter(1)]))
                return await close_code_of(socket), world.doors.log

    (code, _), log = run(main())
    assert code == 1000
    assert log == []
    assert facts() == []


async def publish_nothing(_messages):
    return True


@pytest.mark.parametrize("lost_wake_up", [False, True])
def test_a_connection_to_another_process_evicts_the_one_here(redis_url, lost_wake_up):
    async def main():
        doors = MemoryDoors()
        doors.add("CP-1")
        limits = Limits(
            close_timeout_s=2.0,
            tick_s=0.05,
            lease_refresh_s=0.1 if lost_wake_up else 60.0,
        )
        async with (
            running(redis_url, doors=doors, limits=limits, process="a") as one,
            running(redis_url, doors=doors, limits=limits, process="b") as two,
        ):
            if lost_wake_up:
                two.gateway.bus.publish = publish_nothing
            await until(lambda: one.gateway.bus.is_up and two.gateway.bus.is_up)
            old = await one.connect("CP-1")
            await until(lambda: len(one.gateway.directory) == 1)
            async with two.connect("CP-1"):
                code, _ = await close_code_of(old)
                key = f"cpms:presence:{doors.stations['CP-1'].charge_point_id}"
                lease = await two.gateway.bus.redis.get(key)
                return code, lease.split("/")[:3]

    assert run(main()) == (1000, ["2", "test", "b"])


def test_a_lease_lives_while_the_charge_point_is_connected(redis_url):
    async def main():
        async with running(redis_url) as world:
            key = f"cpms:presence:{world.doors.add('CP-1').charge_point_id}"
            redis = world.gateway.bus.redis
            async with world.connect("CP-1"):
                await until_redis(world, key, exists=True)
                life_ms = await redis.pttl(key)
            await until_redis(world, key, exists=False)
            return life_ms

    assert 0 < run(main()) <= 90_000


def test_a_lease_from_before_a_restore_does_not_evict_the_newest_connection(redis_url):
    async def main():
        async with running(redis_url) as world:
            redis = world.gateway.bus.redis
            key = f"cpms:presence:{world.doors.add('CP-1').charge_point_id}"
            stale = "99/gone/0-1/2026-01-01T00:00:00+00:00"
            await redis.set(key, stale)
            async with world.connect("CP-1") as socket:
                assert (await call(socket, "MeterValues", meter(1)))[0] == 3
                async with asyncio.timeout(PATIENCE_S):
                    while (lease := await redis.get(key)) == stale:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                return parse_lease(lease)

    lease = run(main())
    assert (lease.generation, lease.node, lease.process) == (1, "test", "0-1")


def test_a_full_process_refuses_but_a_known_connection_is_replaced(redis_url):
    async def main():
        limits = Limits(connections_max=1, close_timeout_s=2.0)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            world.doors.add("CP-2")
            async with world.connect("CP-1"):
                other = await status_of(world.connect("CP-2"))
                same = await status_of(world.connect("CP-1"))
                return other, same

    assert run(main()) == (503, 101)


def test_a_station_that_speaks_but_answers_no_ping_stays_and_is_counted(
    redis_url, monkeypatch
):
    monkeypatch.setattr(connection, "PONG_DUE_S", 0.0)

    async def main():
        limits = Limits(ping_interval_s=0.2, ping_timeout_s=PATIENCE_S, tick_s=0.05)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1", ping_interval=None) as socket:
                deaf = socket.protocol

                def no_pong(frame):
                    if frame.opcode is not Opcode.PING:
                        hear(frame)

                hear, deaf.recv_frame = deaf.recv_frame, no_pong
                (station,) = list(world.gateway.directory)
                for _ in range(2):
                    await until(lambda: station._pinged_at is not None)
                    await call(socket, "MeterValues", meter(1))
                await until(lambda: world.doors.quirks.get("ping_unanswered") == 2)
                return station.is_open

    assert run(main())


def test_a_charge_point_that_answers_no_ping_is_closed(redis_url):
    async def main():
        limits = Limits(
            ping_interval_s=0.1, ping_timeout_s=0.2, tick_s=0.05, close_timeout_s=1.0
        )
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1", close_timeout=0.1) as socket:
                # Pings are answered: the connection outlives several timeouts.
                await asyncio.sleep(0.8)
                assert (await call(socket, "Heartbeat", {}))[0] == 3
                socket.transport.pause_reading()
                await until(lambda: len(world.gateway.directory) == 0)
                await until(lambda: world.doors.closings)
                return world.doors.closings[0].cause

    assert run(main()) == "ping timeout"


def test_a_reader_that_takes_nothing_is_dropped(redis_url):
    async def main():
        limits = Limits(unsent_bytes_max=50_000, close_timeout_s=1.0, tick_s=0.05)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                socket.transport.pause_reading()
                refused = json.dumps([2, "x" * 250, "NoSuchAction", {}])
                with suppress(ConnectionClosed):
                    while len(world.gateway.directory):
                        await socket.send(refused)
                await until(lambda: world.doors.closings)
                return world.doors.closings[0].cause

    assert run(main()) == "slow consumer"


def test_draining_finishes_calls_closes_and_leaves_the_leases(redis_url):
    async def main():
        async with running(redis_url) as world:
            key = f"cpms:presence:{world.doors.add('CP-1').charge_point_id}"
            async with world.connect("CP-1") as socket:
                for i in range(10):
                    await socket.send(json.dumps([2, str(i), "MeterValues", meter(i)]))
                await asyncio.sleep(0)
                await until(lambda: busy_once(world))
                await until_redis(world, key, exists=True)
                draining = asyncio.create_task(world.gateway.drain())
                answers = []
                with suppress(ConnectionClosed):
                    while True:
                        answers.append(json.loads(await socket.recv())[1])
                assert await draining
                return answers, socket.close_code

    def busy_once(world):
        return world.doors.log

    answers, code = run(main())
    assert code == 1001
    assert answers == [str(i) for i in range(len(answers))]
    # What was written was answered, and nothing else.
    assert len(facts()) == len(answers) >= 1
