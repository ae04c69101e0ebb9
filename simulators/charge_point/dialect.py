"""What the neutral station asks of an OCPP version."""

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from simulators.charge_point.facts import (
    Fact,
    Registration,
    Status,
    StatusFact,
    Token,
    TokenAnswer,
    TransactionFact,
)
from simulators.charge_point.link import Peer
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.wire import Wire
from simulators.shapes import JsonValue, Message

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase

VENDOR: Final = "org.cpms.autocharge"
CERTIFICATE_REQUEST: Final = "ChargingCertificateRequest"
CERTIFICATE_REVOKED: Final = "ChargingCertificateRevoked"


class Dialect(ABC):
    """One OCPP version, spoken for one station."""

    version: ClassVar[str]
    subprotocol: ClassVar[str]
    tells_station_status: ClassVar[bool] = False

    def __init__(self, station: "StationBase") -> None:
        """Speak for a station."""
        self.station = station

    @abstractmethod
    def peer(self, wire: Wire) -> Peer:
        """Return the `ocpp` package's ChargePoint for a new connection."""

    @abstractmethod
    def status_word(self, status: Status, outlet: Outlet) -> str:
        """Return the version's word for a connector's state."""

    @abstractmethod
    async def boot(self, reason: str) -> Registration:
        """Send BootNotification."""

    @abstractmethod
    async def heartbeat(self) -> str:
        """Send Heartbeat and return the server's time."""

    @abstractmethod
    async def authorize(self, token: Token) -> TokenAnswer:
        """Send Authorize."""

    @abstractmethod
    async def report_status(self, fact: StatusFact) -> None:
        """Send StatusNotification."""

    @abstractmethod
    async def report_transaction(self, fact: TransactionFact) -> TokenAnswer | None:
        """Send what the version has for a transaction's step."""

    @abstractmethod
    async def report_meter(self, outlet: Outlet) -> None:
        """Send MeterValues outside of the schedule, because the server asked."""

    @abstractmethod
    async def data_transfer(
        self, vendor: str, message: str, data: JsonValue
    ) -> tuple[str, JsonValue]:
        """Send DataTransfer; return the answer's status and data."""

    @abstractmethod
    def certificate_request(self, outlet: Outlet, request_id: str) -> dict[str, Any]:
        """Return the data of a ChargingCertificateRequest."""

    @abstractmethod
    async def send(self, action: str, payload: dict[str, Any]) -> Message:
        """Send any message of the version as it is given."""

    async def deliver(self, fact: Fact) -> TokenAnswer | None:
        """Send a fact from the queue."""
        if isinstance(fact, StatusFact):
            await self.report_status(fact)
            return None
        return await self.report_transaction(fact)


def object_of(data: JsonValue) -> dict[str, Any] | None:
    """Return the JSON object in a DataTransfer's data, text or not."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return None
    return data if isinstance(data, dict) else None
