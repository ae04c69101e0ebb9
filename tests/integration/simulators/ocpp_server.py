"""A small OCPP server on the `ocpp` package, for both versions, over real sockets."""

import base64
import http
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16, call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201, call_result as result201
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

NOW = "2030-01-01T00:00:00.000Z"
OFFER = {
    "certificate": "head.body.signature",
    "code": "CODE-1",
    "uri": "https://host.example/c/CODE-1",
    "expiresAt": "2030-01-01T00:03:00Z",
}


@dataclass
class Behaviour:
    """What the server says, changeable while it runs."""

    password: str = ""
    registrations: list[str] = field(default_factory=lambda: ["Accepted"])
    interval_s: int = 300
    token_status: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    offers: bool = True
    subprotocols: tuple[str, ...] = ("ocpp2.0.1", "ocpp1.6")
    refused_actions: set[str] = field(default_factory=set)

    def registration(self) -> str:
        head = self.registrations[0]
        if len(self.registrations) > 1:
            self.registrations.pop(0)
        return head

    def status(self, token) -> str:
        return self.token_status.get(token, "Accepted")


class Recorder:
    """Shared by both versions: keeps every request in order."""

    def keep(self, action, payload):
        if action in self.behaviour.refused_actions:
            raise ValueError(f"{action} is refused by the test")
        self.seen.append((action, payload))

    def of(self, action):
        return [payload for name, payload in self.seen if name == action]


class Server16(ChargePoint16, Recorder):
    @on("BootNotification")
    def on_boot(self, **payload):
        self.keep("BootNotification", payload)
        return result16.BootNotification(
            current_time=NOW,
            interval=self.behaviour.interval_s,
            status=self.behaviour.registration(),
        )

    @on("Heartbeat")
    def on_heartbeat(self):
        self.keep("Heartbeat", {})
        return result16.Heartbeat(current_time=NOW)

    @on("StatusNotification")
    def on_status(self, **payload):
        self.keep("StatusNotification", payload)
        return result16.StatusNotification()

    @on("FirmwareStatusNotification")
    def on_firmware(self, **payload):
        self.keep("FirmwareStatusNotification", payload)
        return result16.FirmwareStatusNotification()

    @on("Authorize")
    def on_authorize(self, id_tag):
        self.keep("Authorize", {"id_tag": id_tag})
        return result16.Authorize(id_tag_info=self._info(id_tag))

    @on("StartTransaction")
    def on_start(self, **payload):
        self.keep("StartTransaction", payload)
        return result16.StartTransaction(
            transaction_id=40 + len(self.of("StartTransaction")),
            id_tag_info=self._info(payload["id_tag"]),
        )

    @on("StopTransaction")
    def on_stop(self, **payload):
        self.keep("StopTransaction", payload)
        return result16.StopTransaction()

    @on("MeterValues")
    def on_meter(self, **payload):
        self.keep("MeterValues", payload)
        return result16.MeterValues()

    @on("DataTransfer")
    def on_data(self, **payload):
        self.keep("DataTransfer", payload)
        if not self.behaviour.offers:
            return result16.DataTransfer(status="UnknownVendorId")
        return result16.DataTransfer(status="Accepted", data=json.dumps(OFFER))

    def _info(self, token):
        info = {"status": self.behaviour.status(token)}
        if token in self.behaviour.groups:
            info["parentIdTag"] = self.behaviour.groups[token]
        return info


class Server201(ChargePoint201, Recorder):
    @on("BootNotification")
    def on_boot(self, **payload):
        self.keep("BootNotification", payload)
        return result201.BootNotification(
            current_time=NOW,
            interval=self.behaviour.interval_s,
            status=self.behaviour.registration(),
        )

    @on("Heartbeat")
    def on_heartbeat(self, **_):
        self.keep("Heartbeat", {})
        return result201.Heartbeat(current_time=NOW)

    @on("StatusNotification")
    def on_status(self, **payload):
        self.keep("StatusNotification", payload)
        return result201.StatusNotification()

    @on("NotifyReport")
    def on_report(self, **payload):
        self.keep("NotifyReport", payload)
        return result201.NotifyReport()

    @on("ReportChargingProfiles")
    def on_profiles(self, **payload):
        self.keep("ReportChargingProfiles", payload)
        return result201.ReportChargingProfiles()

    @on("NotifyDisplayMessages")
    def on_messages(self, **payload):
        self.keep("NotifyDisplayMessages", payload)
        return result201.NotifyDisplayMessages()

    @on("NotifyCustomerInformation")
    def on_customer(self, **payload):
        self.keep("NotifyCustomerInformation", payload)
        return result201.NotifyCustomerInformation()

    @on("Authorize")
    def on_authorize(self, id_token, **_):
        self.keep("Authorize", id_token)
        return result201.Authorize(id_token_info=self._info(id_token["id_token"]))

    @on("TransactionEvent")
    def on_event(self, **payload):
        self.keep("TransactionEvent", payload)
        token = payload.get("id_token")
        info = self._info(token["id_token"]) if token else None
        return result201.TransactionEvent(id_token_info=info)

    @on("MeterValues")
    def on_meter(self, **payload):
        self.keep("MeterValues", payload)
        return result201.MeterValues()

    @on("DataTransfer")
    def on_data(self, **payload):
        self.keep("DataTransfer", payload)
        if not self.behaviour.offers:
            return result201.DataTransfer(status="UnknownVendorId")
        return result201.DataTransfer(status="Accepted", data=dict(OFFER))

    def _info(self, token):
        info = {"status": self.behaviour.status(token)}
        if token in self.behaviour.groups:
            group = {"idToken": self.behaviour.groups[token], "type": "Central"}
            info["groupIdToken"] = group
        return info


SERVERS = {"ocpp1.6": Server16, "ocpp2.0.1": Server201}


class OcppServer:
    """Accepts stations under ``/ocpp/<identity>``."""

    def __init__(self):
        self.behaviour = Behaviour()
        self.peers = {}
        self.seen = {}
        self.connections = 0
        self.url = ""

    def requests(self, identity, action):
        return [each for name, each in self.seen.get(identity, []) if name == action]

    def actions(self, identity):
        return [name for name, _ in self.seen.get(identity, [])]

    def check(self, connection, request):
        identity = unquote(request.path.rpartition("/")[2])
        if identity.startswith("UNKNOWN"):
            return connection.respond(http.HTTPStatus.NOT_FOUND, "unknown\n")
        if self.behaviour.password:
            pair = f"{identity}:{self.behaviour.password}".encode()
            wanted = f"Basic {base64.b64encode(pair).decode()}"
            if request.headers.get("Authorization") != wanted:
                return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no\n")
        return None

    async def handle(self, connection):
        identity = unquote(connection.request.path.rpartition("/")[2])
        if connection.subprotocol is None:
            await connection.close()
            return
        self.connections += 1
        peer = SERVERS[connection.subprotocol](identity, connection)
        peer.behaviour = self.behaviour
        peer.seen = self.seen.setdefault(identity, [])
        self.peers[identity] = peer
        with suppress(ConnectionClosed):
            await peer.start()

    def choose(self, _, offered):
        for each in self.behaviour.subprotocols:
            if each in offered:
                return each
        return None


@asynccontextmanager
async def ocpp_server(tls=None):
    server = OcppServer()
    async with serve(
        server.handle,
        "127.0.0.1",
        0,
        select_subprotocol=server.choose,
        process_request=server.check,
        compression=None,
        ssl=tls,
    ) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"{'wss' if tls else 'ws'}://localhost:{port}/ocpp"
        if not tls:
            server.url = f"ws://127.0.0.1:{port}/ocpp"
        yield server
