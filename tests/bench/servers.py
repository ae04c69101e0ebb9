"""The baselines: what the ``ocpp`` package documents, and a bare answer.

    python -m tests.bench.servers documented 1.6|2.0.1 | bare

Both print their port. The documented server is the one of the package's README with
the handlers that the load needs; it stores nothing. The bare one parses nothing: it
cuts the message id out of the text, so it is the floor of this stack.
"""

import asyncio
import contextlib
import sys
from datetime import UTC, datetime

import uvloop
import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16, call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201, call_result as result201


def announce(server):
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()


def now():
    return datetime.now(UTC).isoformat()


class Documented16(ChargePoint16):
    @on("BootNotification")
    def on_boot(self, **_):
        return result16.BootNotification(now(), 300, "Accepted")

    @on("Heartbeat")
    def on_heartbeat(self):
        return result16.Heartbeat(now())

    @on("StartTransaction")
    def on_start(self, **_):
        return result16.StartTransaction(1, {"status": "Accepted"})

    @on("StopTransaction")
    def on_stop(self, **_):
        return result16.StopTransaction()

    @on("MeterValues")
    def on_meter_values(self, **_):
        return result16.MeterValues()


class Documented201(ChargePoint201):
    @on("BootNotification")
    def on_boot(self, **_):
        return result201.BootNotification(now(), 300, "Accepted")

    @on("Heartbeat")
    def on_heartbeat(self, **_):
        return result201.Heartbeat(now())

    @on("TransactionEvent")
    def on_transaction_event(self, **_):
        return result201.TransactionEvent()


CLASSES = {
    "1.6": (Documented16, "ocpp1.6"),
    "2.0.1": (Documented201, "ocpp2.0.1"),
}


async def documented(version):
    """The server of the README: one object per charge point, ``start()`` loops."""
    charge_point, subprotocol = CLASSES[version]

    async def on_connect(websocket):
        identity = websocket.request.path.rsplit("/", 1)[-1]
        with contextlib.suppress(websockets.ConnectionClosed):
            await charge_point(identity, websocket).start()

    async with websockets.serve(
        on_connect, "127.0.0.1", 0, subprotocols=[subprotocol]
    ) as server:
        announce(server)
        await asyncio.get_running_loop().create_future()


async def bare():
    """``websockets`` alone: no JSON, no validation, no handler."""

    async def on_connect(websocket):
        try:
            async for text in websocket:
                end = text.index('"', 4)
                await websocket.send(f'[3,"{text[4:end]}",{{}}]')
        except websockets.ConnectionClosed:
            pass

    async with websockets.serve(
        on_connect,
        "127.0.0.1",
        0,
        subprotocols=["ocpp1.6", "ocpp2.0.1"],
        compression=None,
        ping_interval=None,
    ) as server:
        announce(server)
        await asyncio.get_running_loop().create_future()


def main(arguments):
    if arguments[0] == "bare":
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(bare())
    else:
        asyncio.run(documented(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
