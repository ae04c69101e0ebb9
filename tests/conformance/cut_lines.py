"""A station whose line can be cut at any moment, and the books that it leaves behind.

The gateway runs as it does in production; the station keeps what was not answered and
sends it again under a new message id, as the specification has it.
"""

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime

from websockets.asyncio.client import ClientConnection

from billing.models import Order
from charge_points.models import Transaction
from cpms.outbox.models import EventRecord
from tests.conformance.gateways import PASSWORD
from tests.factories import accounts, network, tariffs
from tests.integration.gateway.world import PATIENCE_S, World
from tests.outbox import drain

CARD = "04AABBCC"
MOMENTS = ("before it is sent", "before the answer", "after the answer")
"""When the line drops: the station repeats the message in each case."""
BOOTS = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "V", "model": "M"},
    },
}
_numbers = itertools.count(1)


def shop() -> object:
    """An operator with a price, and a card of its own that may charge anywhere."""
    operator = accounts.operator()
    tariffs.tariff(operator, tariffs.component())
    network.token(CARD, operator=operator, concurrent_allowed=True)
    return operator


def stations(operator: object, version: str, count: int) -> list[network.Station]:
    """Stations that have yet to connect."""
    return [
        network.station(operator, online=False, password=PASSWORD, ocpp_version=version)
        for _ in range(count)
    ]


def stamp(at: datetime) -> str:
    """As stations write it."""
    return at.isoformat().replace("+00:00", "Z")


@dataclass
class Line:
    """The line of one station; ``frames`` is every answer that reached it."""

    world: World
    identity: str
    version: str
    socket: ClientConnection | None = None
    frames: list[list] = field(default_factory=list)

    async def up(self, *, boots: bool = True) -> None:
        """Connect, and boot."""
        self.socket = await self.world.connect(
            self.identity, PASSWORD, subprotocols=[f"ocpp{self.version}"]
        ).__aenter__()
        if boots:
            answer = await self.tell("BootNotification", BOOTS[self.version])
            assert answer["status"] == "Accepted"

    def cut(self) -> None:
        """The line is dead, and nobody says good-bye."""
        if self.socket is not None:
            self.socket.transport.abort()
            self.socket = None

    async def send(self, action: str, payload: dict, message_id: str = "") -> str:
        """Send a CALL and wait for nothing; returns its id."""
        message_id = message_id or f"m{next(_numbers)}"
        await self.socket.send(json.dumps([2, message_id, action, payload]))
        return message_id

    async def tell(self, action: str, payload: dict, message_id: str = "") -> dict:
        """Send a CALL; returns the payload of its answer."""
        message_id = await self.send(action, payload, message_id)
        while True:
            text = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
            frame = json.loads(text)
            if frame[0] == 2:  # the platform asks something meanwhile
                refusal = [4, frame[1], "NotSupported", "", {}]
                await self.socket.send(json.dumps(refusal))
                continue
            self.frames.append(frame)
            assert frame[:2] == [3, message_id], frame
            return frame[2]

    async def tell_over_a_cut(self, action: str, payload: dict, moment: str) -> dict:
        """Tell something while the line drops, and tell it again after that."""
        if moment == MOMENTS[1]:
            await self.send(action, payload)
        elif moment == MOMENTS[2]:
            await self.tell(action, payload)
        self.cut()
        await self.up()
        return await self.tell(action, payload)

    async def down(self) -> None:
        """Close in good order."""
        if self.socket is not None:
            await self.socket.close()
            self.socket = None


@dataclass(frozen=True)
class Books:
    """What one station's charges left: transactions, orders and what was told."""

    charges: list[tuple[str, int | None, str]]
    """(state, energy in Wh, reason for a review) by the start of the charge."""
    orders: list[int | None]
    """Energy in Wh by the start of the charge."""
    told: list[str]


def books_of(station: network.Station) -> Books:
    """Deliver all facts, then read the books."""
    drain()
    rows = Transaction.objects.filter(charge_point_id=station.id).order_by("started_at")
    orders = Order.objects.filter(charge_point=station.identity).order_by("started_at")
    keys = {row.pk for row in rows}
    told = [
        event.topic
        for event in EventRecord.objects.order_by("id")
        if event.payload.get("transaction_id") in keys
        and event.topic in {"TransactionStarted", "TransactionEnded"}
    ]
    return Books(
        [(row.state, row.energy_wh, row.review_reason) for row in rows],
        [order.energy_wh for order in orders],
        told,
    )


ONE_CHARGE = ["TransactionStarted", "TransactionEnded"]


def one_charge(energy_wh: int) -> Books:
    """The books of exactly one charge."""
    return Books([("ended", energy_wh, "")], [energy_wh], ONE_CHARGE)
