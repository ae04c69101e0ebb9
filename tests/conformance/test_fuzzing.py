"""Whatever a station sends: an answer by the book, and nobody else notices.

Payloads come from the package's schemas, valid and then broken, over real sockets to
the gateway as it runs.
"""

import asyncio
import json
import random
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings as bounded, strategies as st

from charge_points.ocpp.errors import VALID_CODES, Fault, code_for
from charge_points.ocpp.schemas import MESSAGE_SETS, call_schema
from tests.conformance.gateways import PASSWORD, add_station, serving
from tests.integration.gateway.world import PATIENCE_S, run
from tests.unit.charge_points.ocpp.payloads import payloads

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGES_MAX = 3
"""Valid payloads of each action; each is also sent broken."""
BOOTS = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "V", "model": "M"},
    },
}


def jsonable(value):
    return json.loads(json.dumps(value, default=str))


def drawn(version, action):
    """Some valid payloads, the same at every run."""
    found = []

    @bounded(
        max_examples=MESSAGES_MAX,
        derandomize=True,
        database=None,
        deadline=timedelta(seconds=60),
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def draw(data):
        found.append(
            jsonable(data.draw(payloads(call_schema(version, action).document)))
        )

    draw()
    return found


def broken(payload, chance):
    """The payload with one thing wrong that no tolerance forgives."""
    yield {**payload, "noSuchField": 1}
    yield [payload]
    yield "text"
    for name in payload:
        yield {**payload, name: {"of": ["another", {"type": chance.random()}]}}
        without = dict(payload)
        del without[name]
        yield without


@dataclass
class Line:
    """A connection of a station that boots first."""

    socket: object
    version: str
    count: int = 0

    async def call(self, action, payload):
        """Send a CALL; the answer has its id and a code of the version."""
        self.count += 1
        message_id = f"m{self.count}"
        await self.socket.send(json.dumps([2, message_id, action, payload]))
        while True:
            text = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
            frame = json.loads(text)
            if frame[0] == 2:  # the platform asks something meanwhile
                await self.refuse(frame)
                continue
            assert frame[1] == message_id, frame
            assert frame[0] in {3, 4}, frame
            if frame[0] == 4:
                assert frame[2] in VALID_CODES[self.version], frame
                assert frame[2] != "InternalError", (action, payload, frame)
            return frame

    async def refuse(self, frame):
        await self.socket.send(json.dumps([4, frame[1], "NotSupported", "", {}]))

    async def is_alive(self):
        assert (await self.call("Heartbeat", {}))[0] == 3


async def line(world, identity, version):
    socket = await world.connect(
        identity, PASSWORD, subprotocols=[f"ocpp{version}"]
    ).__aenter__()
    opened = Line(socket, version)
    answer = await opened.call("BootNotification", BOOTS[version])
    assert answer[2]["status"] == "Accepted"
    return opened


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_generated_messages_of_every_action_never_harm(version, redis_url, settings):
    add_station("FUZZ-1", version)
    add_station("CALM-1", version)
    actions = sorted(MESSAGE_SETS[version].incoming)
    chance = random.Random(7)

    async def scenario():
        counted = {3: 0, 4: 0}
        async with serving(redis_url, settings) as world:
            fuzzed = await line(world, "FUZZ-1", version)
            calm = await line(world, "CALM-1", version)
            for action in actions:
                for payload in drawn(version, action):
                    counted[(await fuzzed.call(action, payload))[0]] += 1
                    for wrong in broken(payload, chance):
                        counted[(await fuzzed.call(action, wrong))[0]] += 1
                    await fuzzed.is_alive()
                await calm.is_alive()
            await fuzzed.socket.close()
            await calm.socket.close()
        return counted

    counted = run(scenario())

    assert counted[3] > len(actions)
    assert counted[4] > len(actions)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_frames_that_are_no_calls_get_the_right_word(version, redis_url, settings):
    add_station("FUZZ-1", version)
    ours = "Reset" if version == "1.6" else "SetVariables"

    async def scenario():
        async with serving(redis_url, settings) as world:
            opened = await line(world, "FUZZ-1", version)
            found = [
                (await opened.call("NoSuchAction", {}))[2],
                (await opened.call(ours, {}))[2],
                (await opened.call("Heartbeat", {"noSuchField": 1}))[2],
                (await opened.call("Authorize", {}))[2],
            ]
            for text in ("[,{", "{}", "[]", "5", '[2,"x"]', "\\u0000"):
                await opened.socket.send(text)
                await asyncio.wait_for(opened.socket.recv(), PATIENCE_S)
            await opened.is_alive()
            await opened.socket.close()
            return found

    unknown, ours_answer, extra, missing = run(scenario())

    assert unknown == "NotImplemented"
    assert ours_answer in {"NotImplemented", "NotSupported"}
    assert extra == code_for(version, Fault.MALFORMED)
    assert missing == code_for(version, Fault.MISSING)
