import asyncio
import json

import pytest

from charge_points.gateway.limits import Limits
from tests.integration.gateway.memory_doors import MemoryDoors
from tests.integration.gateway.world import PATIENCE_S, call, meter, run, running, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]


async def received(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))


async def answer(socket, payload, kind=3):
    """Take the next CALL and answer it."""
    frame = await received(socket)
    rest = [payload] if kind == 3 else ["NotSupported", "no", {}]
    await socket.send(json.dumps([kind, frame[1], *rest]))
    return frame


def test_a_queued_command_is_worded_sent_and_its_answer_recorded(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            world.doors.queue(station, "reset", type="Hard")
            async with world.connect("CP-1") as socket:
                frame = await answer(socket, {"status": "Accepted"})
                await until(lambda: world.doors.ends)
                await until(lambda: world.results.answers)
                await call(socket, "MeterValues", meter(1))
            return frame, world

    frame, world = run(main())
    assert frame[0] == 2
    assert frame[2:] == ["Reset", {"type": "Hard"}]
    (end,) = world.doors.ends
    assert (end.accepted, end.status, end.result) == (
        True,
        "Accepted",
        {"status": "Accepted"},
    )
    assert world.doors.translated[0].action == "Reset"
    ((command, result),) = world.results.answers
    assert (command.intent, result) == ("reset", {"status": "Accepted"})
    out = next(entry for entry in world.doors.log if not entry.incoming)
    assert json.loads(out.text)[2] == "Reset"
    assert json.loads(out.answer_text) == {"status": "Accepted"}


def test_commands_go_one_at_a_time_in_their_order(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            for kind in ("Hard", "Soft", "Hard"):
                world.doors.queue(station, None, "Reset", {"type": kind})
            async with world.connect("CP-1") as socket:
                first = await received(socket)
                await asyncio.sleep(0.1)
                queued = len(world.doors.queued)
                await socket.send(json.dumps([3, first[1], {"status": "Rejected"}]))
                rest = [await answer(socket, {"status": "Accepted"}) for _ in range(2)]
                await until(lambda: len(world.doors.ends) == 3)
                return queued, [first, *rest], world.doors.ends

    queued, frames, ends = run(main())
    assert queued == 2
    assert [frame[3]["type"] for frame in frames] == ["Hard", "Soft", "Hard"]
    assert [end.accepted for end in ends] == [False, True, True]


def test_a_wake_up_by_redis_sends_at_once_and_the_poll_is_the_fall_back(redis_url):
    async def main(command_poll_s, *, wake):
        limits = Limits(command_poll_s=command_poll_s, close_timeout_s=1.0)
        async with running(redis_url, limits=limits) as world:
            station = world.doors.add("CP-1")
            await until(lambda: world.gateway.bus.is_up)
            async with world.connect("CP-1") as socket:
                await call(socket, "Heartbeat", {})
                await asyncio.sleep(0.2)
                world.doors.queue(station, "reset")
                if wake:
                    await world.gateway.bus.publish(
                        [("cpms:commands", f"{station.charge_point_id},999")]
                    )
                return (await answer(socket, {"status": "Accepted"}))[2]

    assert run(main(600.0, wake=True)) == "Reset"
    assert run(main(0.1, wake=False)) == "Reset"


def test_a_command_reaches_the_process_that_holds_the_connection(redis_url):
    async def main():
        doors = MemoryDoors()
        station = doors.add("CP-1")
        limits = Limits(command_poll_s=600.0, close_timeout_s=1.0)
        async with (
            running(redis_url, doors=doors, limits=limits, process="a") as one,
            running(redis_url, doors=doors, limits=limits, process="b") as two,
        ):
            await until(lambda: one.gateway.bus.is_up and two.gateway.bus.is_up)
            async with two.connect("CP-1") as socket:
                await call(socket, "Heartbeat", {})
                await asyncio.sleep(0.2)
                doors.queue(station, "reset")
                # The web process publishes; it does not know who holds what.
                await one.gateway.bus.publish(
                    [("cpms:commands", str(station.charge_point_id))]
                )
                return (await answer(socket, {"status": "Accepted"}))[2]

    assert run(main()) == "Reset"


def test_a_charger_that_does_not_answer_times_out_and_gets_the_next_one(redis_url):
    async def main():
        limits = Limits(command_timeout_s=0.2, tick_s=0.05, close_timeout_s=1.0)
        async with running(redis_url, limits=limits) as world:
            station = world.doors.add("CP-1")
            world.doors.queue(station, "reset")
            world.doors.queue(station, "reset")
            async with world.connect("CP-1") as socket:
                late = await received(socket)
                await until(lambda: world.doors.ends)
                await socket.send(json.dumps([3, late[1], {"status": "Accepted"}]))
                await answer(socket, {"status": "Accepted"})
                await until(lambda: len(world.doors.ends) == 2)
                await until(lambda: world.results.errors)
                return world.doors.ends, world.results.errors

    ends, errors = run(main())
    assert [end.error_code for end in ends] == ["Timeout", ""]
    assert errors[0][1] == "Timeout"


def test_a_refusal_by_the_charger_is_recorded_with_its_code(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            world.doors.queue(station, "reset")
            async with world.connect("CP-1") as socket:
                await answer(socket, None, kind=4)
                await until(lambda: world.doors.ends)
                return world.doors.ends[0]

    end = run(main())
    assert (end.accepted, end.error_code, end.error_text) == (
        False,
        "NotSupported",
        "no",
    )


def test_a_lost_connection_ends_the_command_and_the_next_one_recovers(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            world.doors.queue(station, "reset")
            async with world.connect("CP-1") as socket:
                await received(socket)
            await until(lambda: world.doors.ends)
            async with world.connect("CP-1") as socket:
                await call(socket, "Heartbeat", {})
            return station, world.doors

    station, doors = run(main())
    assert doors.ends[0].error_code == "ConnectionLost"
    assert doors.recovered == [((station.charge_point_id,), frozenset({"Reset"}))] * 2


@pytest.mark.parametrize(
    ("intent", "action", "payload", "code"),
    [
        ("impossible", "", {}, "not_in_version"),
        (None, "NoSuchAction", {}, "UnableToEncode"),
        (None, "Reset", {"type": {1, 2}}, "UnableToEncode"),
    ],
)
def test_what_cannot_be_said_fails_without_being_sent(
    redis_url, intent, action, payload, code
):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            world.doors.queue(station, intent, action, payload)
            world.doors.queue(station, "reset")
            async with world.connect("CP-1") as socket:
                await until(lambda: world.doors.ends)
                world.gateway.commands.wake_all()
                frame = await answer(socket, {"status": "Accepted"})
                return frame[2], world.doors.ends[0].error_code

    assert run(main()) == ("Reset", code)


def test_an_answer_that_is_not_understood_is_a_refusal(redis_url):
    async def main():
        async with running(redis_url) as world:
            station = world.doors.add("CP-1")
            world.doors.queue(station, "reset")
            async with world.connect("CP-1") as socket:
                await answer(socket, {"other": 1})
                await until(lambda: world.doors.ends)
                return world.doors.ends[0]

    end = run(main())
    assert (end.accepted, end.status) == (False, "Unreadable")
