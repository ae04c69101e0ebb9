import asyncio
import json
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from charge_points.gateway.limits import Limits
from tests.integration.gateway.world import (
    PATIENCE_S,
    call,
    meter,
    run,
    running,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]


@pytest.mark.parametrize(
    ("frame", "subprotocol", "answer"),
    [
        ("not json", "ocpp1.6", [4, "-1", "FormationViolation"]),
        ("{}", "ocpp1.6", [4, "-1", "FormationViolation"]),
        ("{}", "ocpp2.0.1", [4, "-1", "RpcFrameworkError"]),
        ('[9,"7","X",{}]', "ocpp2.0.1", [4, "7", "MessageTypeNotSupported"]),
        ('[2,"7","NoSuch",{}]', "ocpp1.6", [4, "7", "NotImplemented"]),
        ('[2,"7","FirmwareStatusNotification",{"status":"Idle"}]', "ocpp1.6",
         [4, "7", "NotSupported"]),
        ('[2,"7","StartTransaction",{"idTag":"A"}]', "ocpp1.6",
         [4, "7", "ProtocolError"]),
        ('[2,"7","MeterValues",{"connectorId":[],"meterValue":[]}]', "ocpp1.6",
         [4, "7", "TypeConstraintViolation"]),
        (b'[2,"7","Heartbeat",{"a":"\xff"}]', "ocpp1.6",
         [4, "7", "FormationViolation"]),
        ('[2,"7","Heartbeat",{"a":"' + "x" * 70_000 + '"}]', "ocpp1.6",
         [4, "7", "FormationViolation"]),
    ],
)  # fmt: skip
def test_a_bad_frame_gets_the_codes_of_its_version(
    redis_url, frame, subprotocol, answer
):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1", subprotocols=[subprotocol]) as socket:
                await socket.send(frame)
                found = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                still = await call(socket, "Heartbeat", {})
        return found, still[0]

    found, still = run(main())
    assert found[:3] == answer
    assert still == 3


def test_a_frame_over_the_hard_limit_closes_with_1009(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                with suppress(ConnectionClosed):
                    await socket.send("x" * (1024 * 1024 + 1))
                    await asyncio.wait_for(socket.recv(), PATIENCE_S)
                return socket.close_code

    assert run(main()) == 1009


def test_fragments_are_put_together_up_to_a_limit(redis_url):
    async def main():
        limits = Limits(fragments_max=8, close_timeout_s=1.0)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                text = json.dumps([2, "1", "MeterValues", meter(1)])
                await socket.send([text[:10], text[10:20], text[20:]])
                answer = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                socket.protocol.send_text(b"x", fin=False)
                for _ in range(8):
                    socket.protocol.send_continuation(b"x", fin=False)
                socket.send_data()
                await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
                return answer, socket.close_code

    assert run(main()) == ([3, "1", {}], 1008)


def test_a_flood_of_unreadable_frames_is_closed_and_a_good_one_forgives(redis_url):
    async def main():
        limits = Limits(bad_frames_max=5, close_timeout_s=1.0)
        async with running(redis_url, limits=limits) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                for _ in range(3):
                    for _ in range(4):
                        await socket.send("[,{")
                        await asyncio.wait_for(socket.recv(), PATIENCE_S)
                    await call(socket, "Heartbeat", {})
                with suppress(ConnectionClosed):
                    for _ in range(5):
                        await socket.send("[,{")
                    while True:
                        await asyncio.wait_for(socket.recv(), PATIENCE_S)
            return socket.close_code, world.gateway.journal, world.doors

    code, _, doors = run(main())
    assert code == 1008
    assert doors.quirks["unreadable_frame"] >= 12


def test_a_refused_call_stands_in_the_message_log(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                await call(socket, "StartTransaction", {"idTag": "A"})
                await call(socket, "MeterValues", meter(1))
                await until(lambda: len(world.doors.log) == 2)
            return world.doors

    doors = run(main())
    refused = doors.log[0]
    assert refused.action == "StartTransaction"
    assert refused.answer_text.startswith("ProtocolError")
    assert doors.quirks["refused_call"] == 1


def test_a_known_quirk_is_tolerated_and_counted(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1")
            async with world.connect("CP-1") as socket:
                await socket.send('[2,"1","Heartbeat",null]')
                answer = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                await socket.send('[3,"nobody-asked",{}]')
                await call(socket, "MeterValues", meter(1))
            return answer[0], dict(world.doors.quirks)

    kind, quirks = run(main())
    assert kind == 3
    assert quirks["null_payload"] == 1
    assert quirks["unknown_response_id"] == 1


def test_an_upgrade_without_connection_header_is_repaired(redis_url):
    async def main():
        async with running(redis_url) as world:
            world.doors.add("CP-1", security_profile=0, profile_0_allowed=True)
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(
                f"GET ws://127.0.0.1:{world.port}/ocpp/CP-1 HTTP/1.1\r\n"
                "Host: x\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n"
                "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n"
                "Sec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
            )
            line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
            await until(lambda: world.doors.quirks["handshake_no_upgrade"])
            writer.close()
            await writer.wait_closed()
            return line

    assert run(main()).startswith(b"HTTP/1.1 101")


def test_a_plain_http_request_is_told_what_this_is(redis_url):
    async def main():
        async with running(redis_url) as world:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(b"GET /ocpp/CP-1 HTTP/1.1\r\nHost: x\r\n\r\n")
            line = await asyncio.wait_for(reader.readline(), PATIENCE_S)
            writer.close()
            await writer.wait_closed()
            return line

    assert run(main()).startswith(b"HTTP/1.1 426")
