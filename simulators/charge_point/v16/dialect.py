"""Facts as OCPP 1.6 messages."""

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ocpp.v16 import call

from simulators.charge_point.clock import stamp
from simulators.charge_point.dialect import Dialect
from simulators.charge_point.facts import (
    Reading,
    Registration,
    Status,
    StatusFact,
    Step,
    Token,
    TokenAnswer,
    TransactionFact,
)
from simulators.charge_point.link import Peer
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.v16.configuration import Configuration
from simulators.charge_point.v16.peer import Peer16
from simulators.charge_point.wire import Wire
from simulators.shapes import JsonValue, Message

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase

CONTRACTS: Final = "org.openchargealliance.iso15118pnc"

# 1.6 knows fewer reasons (its Reason enumeration) than the neutral words.
REASONS: Final = frozenset(
    {
        "DeAuthorized",
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
    }
)


class Dialect16(Dialect):
    """OCPP 1.6 for one station."""

    version: ClassVar[str] = "1.6"
    subprotocol: ClassVar[str] = "ocpp1.6"
    tells_station_status: ClassVar[bool] = True  # 4.9: connectorId 0

    def __init__(self, station: "StationBase") -> None:
        """Keep the configuration keys over reconnects."""
        super().__init__(station)
        self.configuration = Configuration(station.options, station.settings)

    def peer(self, wire: Wire) -> Peer:
        """Return the routes of a new connection."""
        return Peer16(self.station, wire, self.configuration)

    def status_word(self, status: Status, outlet: Outlet) -> str:
        """1.6 has every word."""
        del outlet
        return status.value

    async def boot(self, reason: str) -> Registration:
        """1.6 tells no reason."""
        del reason
        options = self.station.options
        answer = await self._call(
            call.BootNotification(
                charge_point_vendor=options.vendor,
                charge_point_model=options.model,
                charge_point_serial_number=options.serial,
                firmware_version=options.firmware,
            )
        )
        return Registration(answer.status, answer.interval, answer.current_time)

    async def heartbeat(self) -> str:
        """OCPP 1.6, 4.6."""
        return str((await self._call(call.Heartbeat())).current_time)

    async def authorize(self, token: Token) -> TokenAnswer:
        """OCPP 1.6, 4.1; a contract with its certificate by DataTransfer."""
        if token.certificate or token.hash_data:
            return await self._authorize_contract(token)
        answer = await self._call(call.Authorize(id_tag=token.value))
        return _verdict(answer.id_tag_info)

    async def _authorize_contract(self, token: Token) -> TokenAnswer:
        """2.0.1's Authorize as text (OCA, "ISO 15118 Plug & Charge with OCPP 1.6")."""
        asked: JsonValue = {"idToken": {"idToken": token.value, "type": token.type}}
        if token.certificate:
            asked["certificate"] = token.certificate
        if token.hash_data:
            asked["iso15118CertificateHashData"] = list(token.hash_data)
        status, data = await self.data_transfer(CONTRACTS, "Authorize", asked)
        if status != "Accepted":
            return TokenAnswer("Invalid")
        answer = json.loads(data)
        word = answer.get("certificateStatus", "Accepted")
        if word != "Accepted":
            return TokenAnswer(word)
        return TokenAnswer(str(answer["idTokenInfo"]["status"]))

    async def report_status(self, fact: StatusFact) -> None:
        """OCPP 1.6, 4.9."""
        await self._call(
            call.StatusNotification(
                connector_id=fact.number,
                error_code=fact.fault or "NoError",
                status=fact.word,
                timestamp=stamp(fact.at),
            )
        )

    async def report_transaction(self, fact: TransactionFact) -> TokenAnswer | None:
        """A start, a meter value or a stop; other steps have no message here."""
        if fact.step is Step.STARTED:
            return await self._start(fact)
        if fact.step is Step.ENDED:
            return await self._stop(fact)
        if fact.reading is not None:
            await self._call(
                call.MeterValues(
                    connector_id=fact.number,
                    transaction_id=fact.transaction.server_id,
                    meter_value=[meter_value(fact.reading)],
                )
            )
        return None

    async def _start(self, fact: TransactionFact) -> TokenAnswer:
        assert fact.authorization is not None
        answer = await self._call(
            call.StartTransaction(
                connector_id=fact.number,
                id_tag=fact.authorization.token.value,
                meter_start=fact.transaction.started_wh,
                timestamp=stamp(fact.at),
            )
        )
        fact.transaction.server_id = answer.transaction_id
        return _verdict(answer.id_tag_info)

    async def _stop(self, fact: TransactionFact) -> TokenAnswer | None:
        assert fact.reading is not None
        assert fact.authorization is not None
        # 4.10: an id that the server never gave cannot be told; -1 stands for it.
        server_id = fact.transaction.server_id
        answer = await self._call(
            call.StopTransaction(
                meter_stop=fact.reading.energy_wh,
                timestamp=stamp(fact.at),
                transaction_id=-1 if server_id is None else server_id,
                reason=fact.reason if fact.reason in REASONS else "Other",
                id_tag=fact.authorization.token.value,
                transaction_data=[meter_value(fact.reading)],
            )
        )
        return None if answer.id_tag_info is None else _verdict(answer.id_tag_info)

    async def report_meter(self, outlet: Outlet) -> None:
        """OCPP 1.6, 5.17: a triggered sample, with its transaction if there is one."""
        transaction = outlet.transaction
        reading = outlet.read(self.station.clock.now(), "Trigger")
        await self._call(
            call.MeterValues(
                connector_id=outlet.number,
                transaction_id=transaction.server_id if transaction else None,
                meter_value=[meter_value(reading)],
            )
        )

    async def data_transfer(
        self, vendor: str, message: str, data: JsonValue
    ) -> tuple[str, JsonValue]:
        """In 1.6 the data is text: JSON inside."""
        text = json.dumps(data, separators=(",", ":"))
        answer = await self._call(
            call.DataTransfer(vendor_id=vendor, message_id=message, data=text)
        )
        return str(answer.status), answer.data

    def certificate_request(self, outlet: Outlet, request_id: str) -> dict[str, Any]:
        """1.6 names the connector."""
        return {"connectorId": outlet.number, "requestId": request_id}

    async def send(self, action: str, payload: dict[str, Any]) -> Message:
        """Send any 1.6 message; keys in snake_case as in the `ocpp` package."""
        return await self._call(getattr(call, action)(**payload))

    async def _call(self, payload: Message) -> Message:
        return await self.station.call(payload)


def _verdict(info: JsonValue) -> TokenAnswer:
    return TokenAnswer(str(info["status"]), str(info.get("parent_id_tag") or ""))


def meter_value(reading: Reading) -> dict[str, Any]:
    """Return a MeterValue; values are text in 1.6."""
    rows = [
        ("Energy.Active.Import.Register", "Wh", str(reading.energy_wh)),
        ("Power.Active.Import", "W", str(reading.power_w)),
        ("Current.Import", "A", _tenths(reading.current_tenths_a)),
        ("Voltage", "V", str(reading.voltage_v)),
    ]
    if reading.soc_permille is not None:
        rows.append(("SoC", "Percent", _tenths(reading.soc_permille)))
    return {
        "timestamp": stamp(reading.at),
        "sampledValue": [
            {
                "value": value,
                "context": reading.context,
                "measurand": measurand,
                "location": "EV" if measurand == "SoC" else "Outlet",
                "unit": unit,
            }
            for measurand, unit, value in rows
        ],
    }


def _tenths(value: int) -> str:
    return f"{value // 10}.{value % 10}"
