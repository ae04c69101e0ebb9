"""Facts as OCPP 2.0.1 messages."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from ocpp.v201 import call

from simulators.charge_point.clock import stamp
from simulators.charge_point.dialect import Dialect
from simulators.charge_point.facts import (
    Reading,
    Registration,
    Status,
    StatusFact,
    Token,
    TokenAnswer,
    TransactionFact,
)
from simulators.charge_point.link import Peer
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.v201.peer import Peer201
from simulators.charge_point.v201.variables import DeviceModel
from simulators.charge_point.wire import Wire
from simulators.shapes import JsonValue, Message

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase

# 2.0.1 has five connector states; the finer ones are the transaction's.
PLAIN: Final = frozenset(
    {Status.AVAILABLE, Status.RESERVED, Status.UNAVAILABLE, Status.FAULTED}
)
# Triggers with which an event names the token (E02, E03, F02, E07).
TOKEN_TRIGGERS: Final = frozenset(
    {"Authorized", "RemoteStart", "StopAuthorized", "CablePluggedIn", "Deauthorized"}
)


class Dialect201(Dialect):
    """OCPP 2.0.1 for one station."""

    version: ClassVar[str] = "2.0.1"
    subprotocol: ClassVar[str] = "ocpp2.0.1"

    def __init__(self, station: "StationBase") -> None:
        """Keep the device model over reconnects."""
        super().__init__(station)
        self.device_model = DeviceModel(station.options, station.settings)

    def peer(self, wire: Wire) -> Peer:
        """Return the routes of a new connection."""
        return Peer201(self.station, wire, self.device_model)

    def status_word(self, status: Status, outlet: Outlet) -> str:
        """Everything with a cable in it is Occupied."""
        if status in PLAIN:
            return status.value
        return "Occupied" if outlet.cable is not None else "Available"

    async def boot(self, reason: str) -> Registration:
        """B01."""
        options = self.station.options
        answer = await self._call(
            call.BootNotification(
                reason=reason,
                charging_station={
                    "model": options.model,
                    "vendorName": options.vendor,
                    "serialNumber": options.serial,
                    "firmwareVersion": options.firmware,
                },
            )
        )
        return Registration(answer.status, answer.interval, answer.current_time)

    async def heartbeat(self) -> str:
        """G02."""
        return str((await self._call(call.Heartbeat())).current_time)

    async def authorize(self, token: Token) -> TokenAnswer:
        """C01; with a contract C07: a certificate that is not good opens nothing."""
        answer = await self._call(
            call.Authorize(
                id_token=_id_token(token),
                certificate=token.certificate or None,
                iso15118_certificate_hash_data=list(token.hash_data) or None,
            )
        )
        if answer.certificate_status not in {None, "Accepted"}:
            return TokenAnswer(answer.certificate_status)
        return _verdict(answer.id_token_info)

    async def report_status(self, fact: StatusFact) -> None:
        """G01."""
        await self._call(
            call.StatusNotification(
                timestamp=stamp(fact.at),
                connector_status=fact.word,
                evse_id=fact.evse,
                connector_id=fact.connector,
            )
        )

    async def report_transaction(self, fact: TransactionFact) -> TokenAnswer | None:
        """E01 to E12."""
        answer = await self._call(
            call.TransactionEvent(
                event_type=fact.step.value,
                timestamp=stamp(fact.at),
                trigger_reason=fact.trigger,
                seq_no=fact.seq_no,
                transaction_info=_info(fact),
                offline=True if fact.offline else None,
                evse={"id": fact.evse, "connectorId": fact.connector},
                id_token=_token_of(fact),
                meter_value=[meter_value(fact.reading)] if fact.reading else None,
            )
        )
        info = answer.id_token_info
        return None if info is None else _verdict(info)

    async def report_meter(self, outlet: Outlet) -> None:
        """F06: a triggered MeterValues outside of any transaction (J01)."""
        reading = outlet.read(self.station.clock.now(), "Trigger")
        await self._call(
            call.MeterValues(evse_id=outlet.evse, meter_value=[meter_value(reading)])
        )

    async def data_transfer(
        self, vendor: str, message: str, data: JsonValue
    ) -> tuple[str, JsonValue]:
        """In 2.0.1 the data is any JSON."""
        answer = await self._call(
            call.DataTransfer(vendor_id=vendor, message_id=message, data=data)
        )
        return str(answer.status), answer.data

    def certificate_request(self, outlet: Outlet, request_id: str) -> dict[str, Any]:
        """2.0.1 names the EVSE."""
        return {"evseId": outlet.evse, "requestId": request_id}

    async def send(self, action: str, payload: dict[str, Any]) -> Message:
        """Send any 2.0.1 message; keys in snake_case as in the `ocpp` package."""
        return await self._call(getattr(call, action)(**payload))

    async def _call(self, payload: Message) -> Message:
        return await self.station.call(payload)


def _info(fact: TransactionFact) -> dict[str, Any]:
    held = fact.authorization
    info: dict[str, Any] = {
        "transactionId": fact.transaction.reference,
        "chargingState": fact.charging_state,
    }
    if fact.reason:
        info["stoppedReason"] = fact.reason
    if held is not None and held.remote_start_id is not None:
        info["remoteStartId"] = held.remote_start_id
    return info


def _token_of(fact: TransactionFact) -> dict[str, str] | None:
    held = fact.authorization
    if held is None or fact.trigger not in TOKEN_TRIGGERS:
        return None
    return _id_token(held.token)


def _id_token(token: Token) -> dict[str, str]:
    return {"idToken": token.value, "type": token.type}


def _verdict(info: JsonValue) -> TokenAnswer:
    group = info.get("group_id_token") or {}
    return TokenAnswer(str(info["status"]), str(group.get("id_token") or ""))


def meter_value(reading: Reading) -> dict[str, Any]:
    """Return a MeterValue; values are numbers in 2.0.1."""
    tenths = reading.current_tenths_a
    rows: list[tuple[str, str, int | float]] = [
        ("Energy.Active.Import.Register", "Wh", reading.energy_wh),
        ("Power.Active.Import", "W", reading.power_w),
        ("Current.Import", "A", tenths / 10),
        ("Voltage", "V", reading.voltage_v),
    ]
    if reading.soc_permille is not None:
        rows.append(("SoC", "Percent", reading.soc_permille / 10))
    return {
        "timestamp": stamp(reading.at),
        "sampledValue": [
            {
                "value": value,
                "context": reading.context,
                "measurand": measurand,
                "location": "EV" if measurand == "SoC" else "Outlet",
                "unitOfMeasure": {"unit": unit},
            }
            for measurand, unit, value in rows
        ],
    }
