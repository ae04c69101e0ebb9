"""A station that answers every command by its schema, and what such a command says.

Payloads are the least that the schemas of the package ``ocpp`` ask for; the package's
own validator is the witness of what arrives.
"""

import asyncio
import base64
import contextlib
import json
from contextlib import asynccontextmanager

import websockets
from ocpp import messages

from charge_points.ocpp.schemas import call_schema, result_schema

INSTANT = "2030-01-01T00:00:00Z"
GOOD = ("Accepted", "Unlocked", "Unpublished")
"""Status words of a station that does what it is asked, the best first."""


def least(document):
    """The smallest value that a schema document without ``$ref`` accepts."""
    kind = "enum" if "enum" in document else document.get("type")
    return LEAST[kind](document)


def _word(document):
    words = document["enum"]
    return next((word for word in GOOD if word in words), words[0])


def _object(document):
    wanted = document.get("required", ())
    return {name: least(document["properties"][name]) for name in wanted}


def _number(document):
    return max(1, int(document.get("minimum", 1)))


LEAST = {
    "enum": _word,
    "object": _object,
    "array": lambda d: [least(d["items"])] * max(1, d.get("minItems", 0)),
    "string": lambda d: INSTANT if d.get("format") == "date-time" else "x1",
    "integer": _number,
    "number": _number,
    "boolean": lambda _: True,
    None: lambda _: "x1",
}


def call_of(version, action):
    """The least CALL payload of an action."""
    return least(call_schema(version, action).document)


def answer_of(version, action):
    """The least answer to an action that says yes."""
    return least(result_schema(version, action).document)


class Scripted:
    """One connection that answers whatever it is asked."""

    def __init__(self, socket, version):
        self.socket, self.version = socket, version
        self.asked = []

    async def serve(self):
        """Answer until the connection ends; every question must keep its schema."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self.socket:
                kind, key, *rest = json.loads(text)
                if kind != 2:
                    continue
                action, payload = rest
                call = messages.Call(key, action, payload)
                await messages.validate_payload(call, self.version)
                self.asked.append((action, payload))
                answer = answer_of(self.version, action)
                await self.socket.send(json.dumps([3, key, answer]))


@asynccontextmanager
async def scripted(town, place):
    """The station of a place, booted and served."""
    pair = base64.b64encode(f"{place.identity}:{place.password}".encode()).decode()
    async with websockets.connect(
        f"{town.system.ocpp_url}/{place.identity}",
        subprotocols=[f"ocpp{place.version}"],
        additional_headers={"Authorization": f"Basic {pair}"},
    ) as socket:
        station = Scripted(socket, place.version)
        boot = call_of(place.version, "BootNotification")
        await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
        server = asyncio.create_task(station.serve())
        yield station
        await socket.close()
        await server
