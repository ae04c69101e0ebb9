"""What a 1.6 server may send: words in, neutral decisions, words out.

Arguments have the names that the `ocpp` package gives them; a handler takes the
fields that it needs and ignores the rest.
"""

from typing import TYPE_CHECKING, Any, Final

from ocpp.v16 import ChargePoint, call_result

from simulators.charge_point.clock import stamp
from simulators.charge_point.facts import Token
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.remote import ACCEPTED, REJECTED
from simulators.charge_point.routing import on
from simulators.charge_point.v16.configuration import Configuration
from simulators.charge_point.wire import Wire
from simulators.shapes import Message

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase

RESET_REASONS: Final = {"Soft": "SoftReset", "Hard": "HardReset"}
FIRMWARE_STEPS: Final = ("Downloading", "Downloaded", "Installing", "Installed")


class Peer16(ChargePoint):  # type: ignore[misc]  # the package has no types
    """One connection's routes."""

    def __init__(
        self, station: "StationBase", wire: Wire, configuration: Configuration
    ) -> None:
        """Serve a station over a wire."""
        super().__init__(
            station.identity,
            wire,
            response_timeout=station.options.response_timeout_s,
            logger=station.logger,
        )
        self.station = station
        self.configuration = configuration

    def outlet(self, connector_id: int | None) -> Outlet | None:
        """Return a connector; None means the whole station."""
        return self.station.outlets[connector_id] if connector_id else None

    def knows(self, connector_id: int | None) -> bool:
        """Whether the number means the station or one of its connectors."""
        return not connector_id or connector_id in self.station.outlets

    # -- core ------------------------------------------------------------------

    @on("RemoteStartTransaction")
    def on_remote_start(
        self,
        id_tag: str,
        connector_id: int | None = None,
        charging_profile: dict[str, Any] | None = None,
    ) -> Message:
        """OCPP 1.6, 5.11."""
        status = self.station.remote.start(
            Token(id_tag), number=connector_id, profile=charging_profile
        )
        return call_result.RemoteStartTransaction(status=status)

    @on("RemoteStopTransaction")
    def on_remote_stop(self, transaction_id: int) -> Message:
        """OCPP 1.6, 5.12."""
        number = self.station.remote.number_of(server_id=transaction_id)
        status = self.station.remote.stop(number)
        return call_result.RemoteStopTransaction(status=status)

    @on("UnlockConnector")
    def on_unlock(self, connector_id: int) -> Message:
        """OCPP 1.6, 5.18."""
        status = "NotSupported"
        if connector_id in self.station.outlets:
            status = self.station.remote.unlock(connector_id)
        return call_result.UnlockConnector(status=status)

    @on("Reset")
    def on_reset(self, type: str) -> Message:  # noqa: A002 - the specification's name
        """OCPP 1.6, 5.14: both kinds reboot, and stop what runs."""
        status = self.station.remote.reset(
            when_idle=False, stop_reason=RESET_REASONS[type]
        )
        return call_result.Reset(status=status)

    @on("ChangeAvailability")
    def on_change_availability(self, connector_id: int, type: str) -> Message:  # noqa: A002
        """OCPP 1.6, 5.2."""
        status = REJECTED
        if self.knows(connector_id):
            status = self.station.remote.change_availability(
                self.outlet(connector_id), operative=type == "Operative"
            )
        return call_result.ChangeAvailability(status=status)

    @on("GetConfiguration")
    def on_get_configuration(self, key: list[str] | None = None) -> Message:
        """OCPP 1.6, 5.8."""
        entries = self.configuration.entries(key)
        found = {entry["key"] for entry in entries}
        unknown = [each for each in key or [] if each not in found]
        return call_result.GetConfiguration(
            configuration_key=entries, unknown_key=unknown
        )

    @on("ChangeConfiguration")
    def on_change_configuration(self, key: str, value: str) -> Message:
        """OCPP 1.6, 5.3; AuthorizationKey as in the security whitepaper."""
        if key == "AuthorizationKey":
            status = self.station.remote.new_password(value)
        else:
            status = self.configuration.change(key, value)
            self.station.journal.add("configured", key=key, value=value, status=status)
        return call_result.ChangeConfiguration(status=status)

    @on("ClearCache")
    def on_clear_cache(self) -> Message:
        """OCPP 1.6, 5.4."""
        return call_result.ClearCache(status=self.station.remote.clear_cache())

    @on("DataTransfer")
    def on_data_transfer(
        self, vendor_id: str, message_id: str = "", data: str | None = None
    ) -> Message:
        """OCPP 1.6, 5.6."""
        status = self.station.remote.data_transfer(vendor_id, message_id, data)
        return call_result.DataTransfer(status=status)

    # -- remote trigger, smart charging, lists, reservation, firmware -----------

    @on("TriggerMessage")
    def on_trigger(
        self, requested_message: str, connector_id: int | None = None
    ) -> Message:
        """OCPP 1.6, 5.17."""
        status = REJECTED
        if self.knows(connector_id):
            status = self.station.remote.trigger(
                requested_message, self.outlet(connector_id)
            )
        return call_result.TriggerMessage(status=status)

    @on("SetChargingProfile")
    def on_set_profile(
        self, connector_id: int, cs_charging_profiles: dict[str, Any]
    ) -> Message:
        """OCPP 1.6, 5.16."""
        status = REJECTED
        if self.knows(connector_id):
            status = self.station.remote.set_profile(
                self.outlet(connector_id), cs_charging_profiles
            )
        return call_result.SetChargingProfile(status=status)

    @on("ClearChargingProfile")
    def on_clear_profile(
        self,
        id: int | None = None,  # noqa: A002 - the specification's name
        connector_id: int | None = None,
        charging_profile_purpose: str | None = None,
        stack_level: int | None = None,
    ) -> Message:
        """OCPP 1.6, 5.5."""
        status = "Unknown"
        if self.knows(connector_id):
            status = self.station.remote.clear_profiles(
                self.outlet(connector_id),
                profile_id=id,
                purpose=charging_profile_purpose,
                stack_level=stack_level,
            )
        return call_result.ClearChargingProfile(status=status)

    @on("GetCompositeSchedule")
    def on_composite_schedule(
        self, connector_id: int, duration: int, **_: object
    ) -> Message:
        """OCPP 1.6, 5.7: the limit of now, for the asked time."""
        outlet = self.station.outlets.get(connector_id)
        if outlet is None:
            return call_result.GetCompositeSchedule(status=REJECTED)
        now = self.station.clock.now()
        return call_result.GetCompositeSchedule(
            status=ACCEPTED,
            connector_id=connector_id,
            schedule_start=stamp(now),
            charging_schedule={
                "duration": duration,
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": outlet.limit_w(now)}
                ],
            },
        )

    @on("GetLocalListVersion")
    def on_list_version(self) -> Message:
        """OCPP 1.6, 5.10."""
        return call_result.GetLocalListVersion(
            list_version=self.station.remote.local_list_version
        )

    @on("SendLocalList")
    def on_send_list(
        self,
        list_version: int,
        update_type: str,
        local_authorization_list: list[dict[str, Any]] | None = None,
    ) -> Message:
        """OCPP 1.6, 5.15."""
        entries = {
            entry["id_tag"]: (entry.get("id_tag_info") or {}).get("status", "")
            for entry in local_authorization_list or []
        }
        status = self.station.remote.update_list(
            entries, version=list_version, full=update_type == "Full"
        )
        return call_result.SendLocalList(status=status)

    @on("ReserveNow")
    def on_reserve(
        self, connector_id: int, id_tag: str, reservation_id: int, **_: object
    ) -> Message:
        """OCPP 1.6, 5.13."""
        status = self.station.remote.reserve(
            connector_id, reservation=reservation_id, token=id_tag
        )
        return call_result.ReserveNow(status=status)

    @on("CancelReservation")
    def on_cancel_reservation(self, reservation_id: int) -> Message:
        """OCPP 1.6, 5.1."""
        status = self.station.remote.cancel_reservation(reservation_id)
        return call_result.CancelReservation(status=status)

    @on("UpdateFirmware")
    def on_update_firmware(self, location: str, **_: object) -> Message:
        """OCPP 1.6, 5.19: reports every step, fetches nothing."""
        self.station.journal.add("firmware_asked", location=location)
        self.station.remote.later(lambda: self.station.spawn(self._firmware_steps()))
        return call_result.UpdateFirmware()

    async def _firmware_steps(self) -> None:
        for status in FIRMWARE_STEPS:
            await self.station.send("FirmwareStatusNotification", {"status": status})

    @on("GetDiagnostics")
    def on_get_diagnostics(self, **_: object) -> Message:
        """OCPP 1.6, 5.9: no file name means that there is nothing to upload."""
        return call_result.GetDiagnostics()
