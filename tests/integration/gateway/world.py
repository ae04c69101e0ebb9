"""A gateway in the test's own loop, with tiny routes and doors."""

import asyncio
import base64
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvloop
from django.db import connection
from django.utils import timezone
from websockets.asyncio.client import connect

from charge_points.gateway.limits import Limits
from charge_points.gateway.plan import Listener, Plan
from charge_points.gateway.server import Gateway
from charge_points.handlers.registry import (
    Outcome,
    Outgoing,
    Refusal,
    Route,
    VersionTables,
    routes_by_action,
)
from cpms.kernel.errors import DomainError
from tests.integration.gateway.memory_doors import KEY, PASSWORD, MemoryDoors

# Waiting for something to happen: long enough for a busy machine, polled often.
PATIENCE_S = 20.0


def run(main):
    """Run a scenario on the loop that the gateway uses in production."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def until(condition, what="the condition"):
    """Wait until ``condition()`` is true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    while not condition():
        assert loop.time() < deadline, f"{what} did not come true"
        await asyncio.sleep(0.01)


async def until_redis(world, key, *, exists):
    """Wait until a key of Redis is there, or gone."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    while bool(await world.gateway.bus.redis.exists(key)) is not exists:
        assert loop.time() < deadline, f"{key} is not as it should be"
        await asyncio.sleep(0.01)


# ---- tiny routes: what they write, the tests can count
def _insert(request, key):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_test_fact (charge_point_id, action, key) "
            "VALUES (%s, %s, %s)",
            [request.peer.charge_point_id, request.action, key],
        )


POISON = 666

POISON_SQL = 667


def meter_values(requests):
    for request in requests:
        connector = request.payload["connectorId"]
        _insert(request, str(connector))
        if connector == POISON:
            raise ValueError("poison")
        if connector == POISON_SQL:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
    return [{} for _ in requests]


def start_transaction(request):
    _insert(request, request.payload["idTag"])
    if request.payload["idTag"] == "POISON":
        raise DomainError("refused", "This start is refused.")
    return {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}


def boot(request):
    _insert(request, "boot")
    request.registration = "Accepted"
    return {
        "currentTime": request.received_at.isoformat(),
        "interval": 300,
        "status": "Accepted",
    }


def heartbeat(request):
    return {"currentTime": request.received_at}


def authorize(request):
    _insert(request, request.payload["idTag"])
    return {"idTagInfo": {"status": "Accepted"}}


def broken_on_loop(request):
    raise RuntimeError("a fault of ours")


def data_transfer(request):
    """Answer what cannot be written, or refuse in own words."""
    if request.payload["vendorId"] == "unwritable":
        return {"status": object()}
    if request.payload["vendorId"] == "wait":
        GATE.wait(PATIENCE_S)
    if request.payload["vendorId"] == "quirky":
        request.quirks.append("handler_quirk")
    return Refusal("NotSupported", "no vendor", {"known": 0})


GATE = threading.Event()

V16_ROUTES = [
    Route("1.6", "MeterValues", meter_values, "set", "Core"),
    Route("1.6", "StartTransaction", start_transaction, "one", "Core"),
    Route("1.6", "BootNotification", boot, "one", "Core", needs_registration=False),
    Route("1.6", "Heartbeat", heartbeat, "loop", "Core"),
    Route("1.6", "StatusNotification", broken_on_loop, "loop", "Core"),
    Route("1.6", "DataTransfer", data_transfer, "one", "Core"),
    Route("1.6", "Authorize", authorize, "one", "Core"),
]

V201_ROUTES = [
    Route("2.0.1", "Heartbeat", heartbeat, "loop", "G"),
]


def translate_v16(intent, arguments):
    if intent == "impossible":
        raise DomainError("not_in_version", "OCPP 1.6 cannot do that.")
    return "Reset", {"type": arguments.get("type", "Soft")}


def interpret(action, request, response):
    return Outcome(response["status"] == "Accepted", response["status"])


@dataclass
class Results:
    """What the result handlers were told."""

    answers: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    def on_result(self, command, result, at):
        self.answers.append((command, result))

    def on_error(self, command, code, description, at):
        self.errors.append((command, code))


def make_tables(results):
    outgoing = {
        "Reset": Outgoing(
            "1.6", "Reset", "Core", results.on_result, results.on_error, repeatable=True
        )
    }
    return {
        "1.6": VersionTables(
            "1.6", routes_by_action(V16_ROUTES), outgoing, translate_v16, interpret
        ),
        "2.0.1": VersionTables(
            "2.0.1", routes_by_action(V201_ROUTES), {}, translate_v16, interpret
        ),
    }


@dataclass
class World:
    """A running gateway and everything around it."""

    gateway: Gateway
    doors: MemoryDoors
    results: Results
    port: int = 0
    tls_port: int = 0

    def url(self, identity, prefix="/ocpp/"):
        return f"ws://127.0.0.1:{self.port}{prefix}{identity}"

    def connect(self, identity, password=PASSWORD, user=None, **options):
        """A client; ``password`` None sends no Authorization."""
        headers = dict(options.pop("additional_headers", {}))
        if password is not None:
            headers["Authorization"] = basic(user or identity, password)
        options.setdefault("subprotocols", ["ocpp1.6"])
        return connect(
            options.pop("url", self.url(identity)),
            additional_headers=headers,
            compression=None,
            **options,
        )


def basic(user, password):
    raw = password if isinstance(password, bytes) else password.encode()
    return "Basic " + base64.b64encode(user.encode() + b":" + raw).decode()


@asynccontextmanager
async def running(redis_url, *, limits=None, doors=None, tls=None, **plan):
    """A gateway that listens on a free port; drained at the end."""
    doors = doors or MemoryDoors()
    results = Results()
    listeners = [Listener("127.0.0.1", 0)]
    if tls is not None:
        listeners.append(Listener("127.0.0.1", 0, tls))
    gateway = Gateway(
        Plan(
            listeners=listeners,
            tables=plan.pop("tables", None) or make_tables(results),
            doors=doors,
            clock=timezone.now,
            redis_url=redis_url,
            password_key=KEY,
            node="test",
            process=plan.pop("process", "0-1"),
            limits=limits or Limits(drain_s=5.0, close_timeout_s=2.0, tick_s=0.05),
            **plan,
        )
    )
    await gateway.start()
    ports = gateway.ports
    world = World(gateway, doors, results, ports[0], ports[-1])
    try:
        yield world
    finally:
        gateway.stop()
        await gateway.drain()


async def call(socket, action, payload, message_id="1"):
    """Send a CALL and return the whole answer frame."""
    await socket.send(json.dumps([2, message_id, action, payload]))
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))


def busy(world):
    """How many charge points have a CALL in the writer."""
    return sum(station.is_busy for station in world.gateway.directory)


def meter(connector):
    """A MeterValues request."""
    return {
        "connectorId": connector,
        "meterValue": [
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "sampledValue": [{"value": "1", "unit": "Wh"}],
            }
        ],
    }


def start(tag):
    """A StartTransaction request."""
    return {
        "connectorId": 1,
        "idTag": tag,
        "meterStart": 0,
        "timestamp": "2026-01-01T00:00:00Z",
    }


BOOT = {"chargePointVendor": "Tests", "chargePointModel": "One"}


def facts():
    """What the tiny routes wrote, as (charge point id, action, key)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT charge_point_id, action, key FROM gateway_test_fact ORDER BY id"
        )
        return cursor.fetchall()
