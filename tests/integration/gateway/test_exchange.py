import asyncio
import json

import pytest

from charge_points.gateway.limits import Limits
from tests.integration.gateway.world import (
    BOOT,
    GATE,
    POISON,
    POISON_SQL,
    busy,
    call,
    facts,
    meter,
    run,
    running,
    start,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]


def test_an_answer_leaves_after_its_row_is_committed(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                assert await call(socket, "MeterValues", meter(1)) == [3, "1", {}]
                assert len(await asyncio.to_thread(facts)) == 1
        return world

    world = run(main())
    (entry,) = world.doors.log
    assert (entry.action, entry.incoming) == ("MeterValues", True)
    assert json.loads(entry.answer_text) == [3, "1", {}]
    assert json.loads(entry.text)[3] == meter(1)


@pytest.mark.parametrize("poison", [POISON, POISON_SQL])
def test_a_bad_request_never_fails_its_neighbours(redis_url, poison):
    async def main():
        async with running(redis_url) as world:
            stations = [world.doors.add(f"CP-{i}") for i in range(10)]
            sockets = [await world.connect(s.identity) for s in stations]
            # While the writer is held, all that arrives becomes one batch.
            await sockets[9].send(
                json.dumps([2, "w", "DataTransfer", {"vendorId": "wait"}])
            )
            await until(lambda: busy(world) == 1)
            answers = [
                asyncio.create_task(
                    call(socket, "MeterValues", meter(poison if i == 4 else i))
                )
                for i, socket in enumerate(sockets[:9])
            ]
            await until(lambda: busy(world) == 10)
            GATE.set()
            found = await asyncio.gather(*answers)
            for socket in sockets:
                await socket.close()
            return found

    found = run(main())
    assert [frame[0] for frame in found] == [3] * 4 + [4] + [3] * 4
    assert found[4][2] == "InternalError"
    keys = sorted(key for _, action, key in facts() if action == "MeterValues")
    assert keys == [str(i) for i in range(9) if i != 4]


def test_a_refusal_of_the_domain_rolls_its_own_writes_back(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                refused = await call(socket, "StartTransaction", start("POISON"))
                accepted = await call(socket, "StartTransaction", start("GOOD"))
                return refused, accepted

    refused, accepted = run(main())
    assert refused[:4] == [4, "1", "GenericError", "This start is refused."]
    assert accepted[2]["transactionId"] == 7
    assert [key for *_, key in facts()] == ["GOOD"]


def test_calls_of_a_connection_are_answered_in_order(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                for i in range(25):
                    action, payload = (
                        ("MeterValues", meter(i)) if i % 3 else ("Heartbeat", {})
                    )
                    await socket.send(json.dumps([2, str(i), action, payload]))
                return [json.loads(await socket.recv())[1] for _ in range(25)]

    assert run(main()) == [str(i) for i in range(25)]
    assert [key for *_, key in facts()] == [str(i) for i in range(25) if i % 3]


def test_more_calls_than_may_wait_hold_the_socket_and_lose_nothing(redis_url):
    async def main():
        limits = Limits(inbound_high=4, inbound_low=1, close_timeout_s=2.0)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                for i in range(60):
                    await socket.send(json.dumps([2, str(i), "MeterValues", meter(i)]))
                return [json.loads(await socket.recv()) for i in range(60)]

    frames = run(main())
    refused = [frame for frame in frames if frame[0] == 4]
    assert len({frame[1] for frame in frames}) == 60
    assert len(facts()) == 60 - len(refused)


def test_before_an_accepted_boot_only_the_boot_is_taken(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1", registration="Pending")
            async with world.connect("CP-1") as socket:
                before = await call(socket, "MeterValues", meter(1))
                boot = await call(socket, "BootNotification", BOOT)
                after = await call(socket, "MeterValues", meter(1))
                return before, boot, after

    before, boot, after = run(main())
    assert before[2] == "SecurityError"
    assert boot[2]["status"] == "Accepted"
    assert after == [3, "1", {}]


def test_a_heartbeat_touches_no_row(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                answer = await call(socket, "Heartbeat", {})
                return answer, world.doors.log

    answer, log = run(main())
    assert answer[2]["currentTime"].endswith("Z")
    assert facts() == []
    assert log == []


def test_faults_of_ours_are_internal_errors_and_the_connection_stays(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                status = {
                    "connectorId": 0,
                    "errorCode": "NoError",
                    "status": "Available",
                }
                on_loop = await call(socket, "StatusNotification", status)
                unwritable = await call(
                    socket, "DataTransfer", {"vendorId": "unwritable"}
                )
                refused = await call(socket, "DataTransfer", {"vendorId": "quirky"})
                assert (await call(socket, "Heartbeat", {}))[0] == 3
        return on_loop, unwritable, refused, world.doors.quirks

    on_loop, unwritable, refused, quirks = run(main())
    assert on_loop[2] == unwritable[2] == "InternalError"
    assert refused == [4, "1", "NotSupported", "no vendor", {"known": 0}]
    assert quirks["handler_quirk"] == 1
