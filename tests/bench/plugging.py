"""Stations and vehicles of the plug-in bench: as little work as a client can do.

They share the machine with the system that they measure, so they speak raw frames and
raw HTTP, and a vehicle checks nothing before it signs.
"""

import asyncio
import base64
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import websockets

from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import Proof, sign

CLAIM = "/api/v1/charging-certificates/claim"
ANSWER_S = 120
PARALLEL_CONNECTS = 50
VENDOR = "org.cpms.autocharge"
CREATED = b"201"


@dataclass
class Station:
    """A booted 1.6 station with one connector and the vehicle that comes to it."""

    identity: str
    socket: websockets.ClientConnection
    car: VehicleKey
    answers: dict[str, asyncio.Future] = field(default_factory=dict)
    started: asyncio.Future | None = None
    reader: asyncio.Task | None = None

    async def read(self):
        """Answer the server's calls; a remote start tells its order and its time."""
        loop = asyncio.get_running_loop()
        async for text in self.socket:
            kind, key, *rest = json.loads(text)
            if kind != 2:
                self.answers.pop(key).set_result(rest[0] if kind == 3 else rest)
                continue
            action, payload = rest
            if action == "RemoteStartTransaction":
                self.started.set_result((payload["idTag"], loop.time()))
                await self.socket.send(f'[3,"{key}",{{"status":"Accepted"}}]')
            else:
                await self.socket.send(f'[4,"{key}","NotImplemented","",{{}}]')

    async def call(self, action, payload):
        """One call and its answer."""
        key = uuid.uuid4().hex
        answer = asyncio.get_running_loop().create_future()
        self.answers[key] = answer
        await self.socket.send(json.dumps([2, key, action, payload]))
        return await asyncio.wait_for(answer, ANSWER_S)

    async def status(self, word):
        """Tell the connector's state."""
        told = {
            "connectorId": 1,
            "errorCode": "NoError",
            "status": word,
            "timestamp": datetime.now(UTC).isoformat(),
        }
        await self.call("StatusNotification", told)


async def connect(url, identity, password, car):
    """A station that has booted and whose connector is free."""
    pair = base64.b64encode(f"{identity}:{password}".encode()).decode()
    socket = await websockets.connect(
        f"{url}/{identity}",
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": f"Basic {pair}"},
        compression=None,
        open_timeout=ANSWER_S,
        ping_interval=None,
    )
    station = Station(identity, socket, car)
    station.reader = asyncio.create_task(station.read())
    boot = {"chargePointVendor": "Bench", "chargePointModel": "One"}
    assert (await station.call("BootNotification", boot))["status"] == "Accepted"
    await station.status("Available")
    return station


async def plug_in(station, web_url):
    """Steps 1 to 6 of the flow.

    Returns:
        The order's number and the seconds from the plug-in to the remote start.
    """
    loop = asyncio.get_running_loop()
    station.started = loop.create_future()
    began = loop.time()
    await station.status("Preparing")
    wanted = json.dumps({"connectorId": 1, "requestId": uuid.uuid4().hex})
    offered = await station.call(
        "DataTransfer",
        {
            "vendorId": VENDOR,
            "messageId": "ChargingCertificateRequest",
            "data": wanted,
        },
    )
    await claim(station, json.loads(offered["data"])["certificate"], web_url)
    number, at = await asyncio.wait_for(station.started, ANSWER_S)
    return number, at - began


async def claim(station, certificate, web_url):
    """The vehicle's claim, on a connection of its own."""
    payload = certificate.split(".")[1]
    content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    proof = Proof(certificate_hash=content["jti"], station=station.identity)
    body = json.dumps(
        {"certificate": certificate, "proof": sign(proof.payload(), station.car)}
    ).encode()
    address = urlsplit(web_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST {CLAIM} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Content-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    if answer.split(b" ", 2)[1] != CREATED:
        raise RuntimeError(f"{station.identity}: the claim was refused: {answer!r}")


async def arrive(stations, web_url, *, within_s):
    """All plug in, spread evenly; order number -> seconds."""

    async def come(index, station):
        await asyncio.sleep(within_s * index / len(stations))
        return await plug_in(station, web_url)

    return dict(await asyncio.gather(*(come(*pair) for pair in enumerate(stations))))


async def rounds(url, web_url, cars, password, spreads):
    """One round of plug-ins for each spread; every round has stations of its own.

    Args:
        url: of the gateway.
        web_url: of the platform.
        cars: identity -> the key of the vehicle that comes there.
        password: of all stations.
        spreads: seconds within which all vehicles of a round come.

    Returns:
        A round's seconds by order number, for each spread.
    """
    gate = asyncio.Semaphore(PARALLEL_CONNECTS)

    async def come(identity, car):
        async with gate:
            return await connect(url, identity, password, car)

    stations = await asyncio.gather(*(come(*pair) for pair in cars.items()))
    each = len(stations) // len(spreads)
    try:
        return [
            await arrive(stations[i * each : (i + 1) * each], web_url, within_s=spread)
            for i, spread in enumerate(spreads)
        ]
    finally:
        for station in stations:
            station.reader.cancel()
            await station.socket.close()
