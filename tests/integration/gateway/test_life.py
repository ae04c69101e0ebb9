import asyncio
import json
import logging
from contextlib import suppress

import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed

from charge_points.gateway.jobs import Kind
from charge_points.gateway.limits import Limits
from charge_points.gateway.writer import Writer
from tests.integration.gateway import world as tiny
from tests.integration.gateway.memory_doors import MemoryDoors
from tests.integration.gateway.world import (
    GATE,
    PATIENCE_S,
    call,
    facts,
    meter,
    run,
    running,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]


def test_a_dead_writer_ends_the_process_and_tells_so(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.gateway.writer._step = explode
            world.doors.add("CP-1")
            serving = asyncio.create_task(world.gateway._stop.wait())
            with suppress(Exception):
                await asyncio.wait_for(world.connect("CP-1"), 0.5)
            await asyncio.wait_for(serving, PATIENCE_S)
            return world.gateway.failed, await world.gateway.drain()

    def explode():
        raise MemoryError("no more")

    assert run(main()) == (True, False)


def test_a_dead_task_of_the_loop_ends_the_process(redis_url):
    async def main():
        async with running(redis_url) as world:

            async def die():
                raise RuntimeError("a fault of ours")

            world.gateway._spawn(die())
            await asyncio.wait_for(world.gateway._stop.wait(), PATIENCE_S)
            return world.gateway.failed

    assert run(main())


def test_a_second_signal_does_not_wait_for_calls(redis_url):
    async def main():
        limits = Limits(drain_s=600.0, close_timeout_s=0.2, tick_s=0.05)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1", close_timeout=0.1) as socket:
                await socket.send(
                    json.dumps([2, "1", "DataTransfer", {"vendorId": "wait"}])
                )
                await until(lambda: tiny.busy(world) == 1)
                world.gateway.stop()
                draining = asyncio.create_task(world.gateway.drain())
                await asyncio.sleep(0.1)
                assert not draining.done()
                world.gateway.stop()
                await until(lambda: len(world.gateway.directory) == 0)
                GATE.set()
                return await asyncio.wait_for(draining, PATIENCE_S)

    assert run(main())


def test_a_call_that_comes_while_draining_is_left_to_the_next_process(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                await socket.send(
                    json.dumps([2, "1", "DataTransfer", {"vendorId": "wait"}])
                )
                await until(lambda: tiny.busy(world) == 1)
                draining = asyncio.create_task(world.gateway.drain())
                await until(lambda: next(iter(world.gateway.directory)).is_draining)
                await socket.send(json.dumps([2, "2", "MeterValues", meter(1)]))
                await asyncio.sleep(0.1)
                GATE.set()
                answers = []
                with suppress(ConnectionClosed):
                    while True:
                        answers.append(json.loads(await socket.recv())[1])
                await draining
                return answers

    assert run(main()) == ["1"]
    assert facts() == []


def test_a_broken_wake_up_stops_nobody(redis_url, caplog):
    async def main():
        async with running(redis_url) as world:
            await until(lambda: world.gateway.bus.is_up)
            station = world.doors.add("CP-1")
            publish = world.gateway.bus.publish
            await publish([("cpms:evictions", "x/y"), ("cpms:commands", "x,,-1")])
            world.gateway.commands.wake_all = None
            async with world.connect("CP-1") as socket:
                await call(socket, "Heartbeat", {})
                await publish([("cpms:evictions", f"{station.charge_point_id}/9")])
                await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
                return socket.close_code

    assert run(main()) == 1000


def test_a_newer_lease_and_a_newer_row_evict(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            key = f"cpms:presence:{station.charge_point_id}"
            async with world.connect("CP-1") as socket:
                await tiny.until_redis(world, key, exists=True)
                world.doors.newest[station.charge_point_id] = 9
                stamp = "2026-01-01T00:00:00+00:00"
                await world.gateway.bus.redis.set(key, f"9/other/0-2/{stamp}")
                await world.gateway.presence.renew(list(world.gateway.directory))
                await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
                return socket.close_code, await world.gateway.bus.redis.get(key)

    code, lease = run(main())
    assert code == 1000
    assert lease.startswith("9/other")


class LosingDoors(MemoryDoors):
    """A message log that refuses one row."""

    def write_log(self, entries):
        if any(entry.message_id == "bad" for entry in entries):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        super().write_log(entries)


def test_a_row_of_the_log_that_cannot_be_written_costs_no_message(redis_url):
    async def main():
        async with running(redis_url, doors=LosingDoors()) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                answers = [
                    await call(socket, "MeterValues", meter(n), message_id)
                    for n, message_id in enumerate(("good", "bad", "fine"))
                ]
            return answers, world.doors.log

    answers, log = run(main())
    assert [frame[0] for frame in answers] == [3, 3, 3]
    assert [entry.message_id for entry in log] == ["good", "fine"]
    assert len(facts()) == 3


def test_a_handshake_that_fails_inside_is_told_to_come_again(redis_url):
    class Broken(MemoryDoors):
        def find_stations(self, identities):
            raise RuntimeError("a fault of ours")

    async def main():
        async with running(redis_url, doors=Broken()) as world:
            with pytest.raises(Exception, match="503"):
                await world.connect("CP-1")

    run(main())


def test_an_end_that_cannot_be_recorded_is_left_to_the_sweep(redis_url, caplog):
    class Broken(MemoryDoors):
        def close_connections(self, closings):
            raise RuntimeError("a fault of ours")

    async def main():
        async with running(redis_url, doors=Broken()) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                await call(socket, "Heartbeat", {})
            await until(lambda: "was not recorded" in caplog.text)
            async with world.connect("CP-1") as socket:
                return (await call(socket, "MeterValues", meter(1)))[0]

    with caplog.at_level(logging.WARNING):
        assert run(main()) == 3


def test_the_writer_is_started_once_and_refuses_after_its_end():
    kind = Kind("echo", list, lambda item, error: (item, type(error).__name__))

    async def main():
        writer = Writer(Limits())
        with pytest.raises(RuntimeError, match="not started"):
            writer.submit(kind, 1, print)
        writer.start(asyncio.get_running_loop())
        first = await writer.call(kind, 1)
        assert await writer.stop(PATIENCE_S)
        assert await writer.stop(PATIENCE_S)
        return first, await writer.call(kind, 2)

    assert run(main()) == (1, (2, "UnableToServe"))


def test_a_broken_kind_or_receiver_does_not_stop_the_writer(caplog):
    def explode(_items):
        raise RuntimeError("a fault of ours")

    def fail(_item, _error):
        raise RuntimeError("another fault")

    broken = Kind("broken", explode, fail)
    fine = Kind("fine", list, lambda item, _error: item)

    async def main():
        writer = Writer(Limits())
        writer.start(asyncio.get_running_loop())
        nothing = await writer.call(broken, 1)
        writer.submit(fine, 1, lambda _result: explode(()))
        something = await writer.call(fine, 2)
        await writer.stop(PATIENCE_S)
        return nothing, something

    assert run(main()) == (None, 2)
    assert "delivering a fine failed" in caplog.text
