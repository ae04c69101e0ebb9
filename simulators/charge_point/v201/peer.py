"""What a 2.0.1 server may send: words in, neutral decisions, words out."""

from typing import TYPE_CHECKING, Any, Final

from ocpp.v201 import ChargePoint, call_result

from simulators.charge_point.clock import stamp
from simulators.charge_point.facts import Token
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.remote import ACCEPTED, REJECTED
from simulators.charge_point.routing import on
from simulators.charge_point.v201.lists import Lists201
from simulators.charge_point.v201.variables import PASSWORD, DeviceModel
from simulators.charge_point.wire import Wire
from simulators.shapes import JsonValue, Message

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase

REPORT_ROWS_MAX: Final = 10


class Peer201(Lists201, ChargePoint):  # type: ignore[misc]  # the package has no types
    """One connection's routes."""

    def __init__(
        self, station: "StationBase", wire: Wire, device_model: DeviceModel
    ) -> None:
        """Serve a station over a wire."""
        super().__init__(
            station.identity,
            wire,
            response_timeout=station.options.response_timeout_s,
            logger=station.logger,
        )
        self.station = station
        self.device_model = device_model

    def outlets(self, evse_id: int | None, connector_id: int | None) -> list[Outlet]:
        """Return the connectors that are meant; no EVSE means all."""
        return [
            outlet
            for outlet in self.station.outlets.values()
            if (not evse_id or outlet.evse == evse_id)
            and (not connector_id or outlet.connector == connector_id)
        ]

    def chosen(self, evse: dict[str, Any] | None) -> tuple[bool, Outlet | None]:
        """Return whether an EVSE exists, and the connector (None: all)."""
        if evse is None or not evse["id"]:
            return True, None
        found = self.outlets(evse["id"], evse.get("connector_id"))
        return bool(found), found[0] if found else None

    # -- B: provisioning -------------------------------------------------------

    @on("GetVariables")
    def on_get_variables(
        self, get_variable_data: list[dict[str, Any]], **_: object
    ) -> Message:
        """B06."""
        return call_result.GetVariables(
            get_variable_result=[
                self.device_model.get(data) for data in get_variable_data
            ]
        )

    @on("SetVariables")
    def on_set_variables(
        self, set_variable_data: list[dict[str, Any]], **_: object
    ) -> Message:
        """B05; a new BasicAuthPassword is used at the next connect (A01)."""
        rows = []
        for data in set_variable_data:
            status, row = self.device_model.set(data)
            rows.append(row)
            names = (data["component"]["name"], data["variable"]["name"])
            if names == PASSWORD and status == ACCEPTED:
                self.station.remote.new_password(data["attribute_value"])
            else:
                self.station.journal.add("configured", key=".".join(names))
        return call_result.SetVariables(set_variable_result=rows)

    @on("GetBaseReport")
    def on_base_report(self, request_id: int, report_base: str, **_: object) -> Message:
        """B07: the rows follow in NotifyReport."""
        rows = self.device_model.report(report_base)
        if not rows:
            return call_result.GetBaseReport(status="EmptyResultSet")
        self.station.remote.later(
            lambda: self.station.spawn(self._report(request_id, rows))
        )
        return call_result.GetBaseReport(status=ACCEPTED)

    @on("GetReport")
    def on_report(
        self,
        request_id: int,
        component_variable: list[dict[str, Any]] | None = None,
        **_: object,
    ) -> Message:
        """B08: the variables that are named, or all."""
        wanted = {each["component"]["name"] for each in component_variable or []}
        rows = [
            row
            for row in self.device_model.report("FullInventory")
            if not wanted or row["component"]["name"] in wanted
        ]
        if not rows:
            return call_result.GetReport(status="EmptyResultSet")
        self.station.remote.later(
            lambda: self.station.spawn(self._report(request_id, rows))
        )
        return call_result.GetReport(status=ACCEPTED)

    async def _report(self, request_id: int, rows: list[dict[str, Any]]) -> None:
        chunks = [
            rows[start : start + REPORT_ROWS_MAX]
            for start in range(0, len(rows), REPORT_ROWS_MAX)
        ]
        for number, chunk in enumerate(chunks):
            await self.station.send(
                "NotifyReport",
                {
                    "request_id": request_id,
                    "generated_at": stamp(self.station.clock.now()),
                    "seq_no": number,
                    "report_data": chunk,
                    "tbc": number + 1 < len(chunks),
                },
            )

    @on("Reset")
    def on_reset(
        self,
        type: str,  # noqa: A002 - the specification's name
        evse_id: int | None = None,
        **_: object,
    ) -> Message:
        """B11, B12; single EVSEs do not reset alone."""
        if evse_id:
            return call_result.Reset(status=REJECTED)
        status = self.station.remote.reset(
            when_idle=type == "OnIdle", stop_reason="ImmediateReset"
        )
        return call_result.Reset(status=status)

    # -- F, E: remote control and transactions -----------------------------------

    @on("RequestStartTransaction")
    def on_request_start(
        self,
        id_token: dict[str, Any],
        remote_start_id: int,
        evse_id: int | None = None,
        charging_profile: dict[str, Any] | None = None,
        **_: object,
    ) -> Message:
        """F01, F02: an already open transaction is named in the answer."""
        found = self.outlets(evse_id, None)
        found.sort(key=lambda outlet: outlet.cable is None)
        number = (found[0].number if found else 0) if evse_id else None
        status = self.station.remote.start(
            Token(id_token["id_token"], id_token["type"]),
            number=number,
            remote_start_id=remote_start_id,
            profile=charging_profile,
        )
        running = found[0].transaction if found and status == ACCEPTED else None
        return call_result.RequestStartTransaction(
            status=status, transaction_id=running.reference if running else None
        )

    @on("RequestStopTransaction")
    def on_request_stop(self, transaction_id: str, **_: object) -> Message:
        """F03."""
        number = self.station.remote.number_of(reference=transaction_id)
        status = self.station.remote.stop(number)
        return call_result.RequestStopTransaction(status=status)

    @on("GetTransactionStatus")
    def on_transaction_status(
        self, transaction_id: str | None = None, **_: object
    ) -> Message:
        """E14: without an id only the queue is told."""
        waits = self.station.facts_wait(transaction_id)
        ongoing = None
        if transaction_id is not None:
            ongoing = bool(self.station.remote.number_of(reference=transaction_id))
        return call_result.GetTransactionStatus(
            messages_in_queue=waits, ongoing_indicator=ongoing
        )

    @on("UnlockConnector")
    def on_unlock(self, evse_id: int, connector_id: int, **_: object) -> Message:
        """F05."""
        found = self.outlets(evse_id, connector_id)
        if not (found and evse_id and connector_id):
            return call_result.UnlockConnector(status="UnknownConnector")
        status = self.station.remote.unlock(found[0].number)
        return call_result.UnlockConnector(status=status)

    @on("TriggerMessage")
    def on_trigger(
        self, requested_message: str, evse: dict[str, Any] | None = None, **_: object
    ) -> Message:
        """F06."""
        exists, outlet = self.chosen(evse)
        status = REJECTED
        if exists:
            status = self.station.remote.trigger(requested_message, outlet)
        return call_result.TriggerMessage(status=status)

    # -- C, G, I, K, O, P ----------------------------------------------------------

    @on("ClearCache")
    def on_clear_cache(self, **_: object) -> Message:
        """C11."""
        return call_result.ClearCache(status=self.station.remote.clear_cache())

    @on("ChangeAvailability")
    def on_change_availability(
        self, operational_status: str, evse: dict[str, Any] | None = None, **_: object
    ) -> Message:
        """G03, G04."""
        exists, outlet = self.chosen(evse)
        status = REJECTED
        if exists:
            status = self.station.remote.change_availability(
                outlet, operative=operational_status == "Operative"
            )
        return call_result.ChangeAvailability(status=status)

    @on("CostUpdated")
    def on_cost_updated(
        self, total_cost: float, transaction_id: str, **_: object
    ) -> Message:
        """I02: shown on the station's display."""
        self.station.journal.add(
            "cost_shown", reference=transaction_id, total_cost=total_cost
        )
        return call_result.CostUpdated()

    @on("SetChargingProfile")
    def on_set_profile(
        self, evse_id: int, charging_profile: dict[str, Any], **_: object
    ) -> Message:
        """K01; EVSE 0 is the whole station."""
        exists, outlet = self.chosen({"id": evse_id})
        status = REJECTED
        if exists:
            status = self.station.remote.set_profile(outlet, charging_profile)
        return call_result.SetChargingProfile(status=status)

    @on("ClearChargingProfile")
    def on_clear_profile(
        self,
        charging_profile_id: int | None = None,
        charging_profile_criteria: dict[str, Any] | None = None,
        **_: object,
    ) -> Message:
        """K10."""
        criteria = charging_profile_criteria or {}
        exists, outlet = self.chosen({"id": criteria.get("evse_id")})
        status = "Unknown"
        if exists:
            status = self.station.remote.clear_profiles(
                outlet,
                profile_id=charging_profile_id,
                purpose=criteria.get("charging_profile_purpose"),
                stack_level=criteria.get("stack_level"),
            )
        return call_result.ClearChargingProfile(status=status)

    @on("DataTransfer")
    def on_data_transfer(
        self, vendor_id: str, message_id: str = "", data: JsonValue = None, **_: object
    ) -> Message:
        """P01."""
        status = self.station.remote.data_transfer(vendor_id, message_id, data)
        return call_result.DataTransfer(status=status)
