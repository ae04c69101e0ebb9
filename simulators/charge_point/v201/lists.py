"""A 2.0.1 station's lists, reservations, schedules, display and customers' data."""

from typing import TYPE_CHECKING, Any

from ocpp.v201 import call_result

from simulators.charge_point.clock import stamp
from simulators.charge_point.profiles import Profile
from simulators.charge_point.remote import ACCEPTED, REJECTED
from simulators.charge_point.routing import on
from simulators.shapes import Message

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase
    from simulators.charge_point.outlet import Outlet

CUSTOMER_TEXT_CHARS = 512


class Lists201:
    """Routes of blocks D, H, K, N and O; mixed into the peer."""

    station: "StationBase"

    if TYPE_CHECKING:

        def outlets(
            self, evse_id: int | None, connector_id: int | None
        ) -> "list[Outlet]":
            """The connectors that are meant."""

    @property
    def messages(self) -> dict[int, dict[str, Any]]:
        """What the display has, by message id."""
        return self.station.remote.display

    # -- D: local list -----------------------------------------------------------

    @on("GetLocalListVersion")
    def on_list_version(self, **_: object) -> Message:
        """D02."""
        return call_result.GetLocalListVersion(
            version_number=self.station.remote.local_list_version
        )

    @on("SendLocalList")
    def on_send_list(
        self,
        version_number: int,
        update_type: str,
        local_authorization_list: list[dict[str, Any]] | None = None,
        **_: object,
    ) -> Message:
        """D01."""
        entries = {
            entry["id_token"]["id_token"]: (entry.get("id_token_info") or {}).get(
                "status", ""
            )
            for entry in local_authorization_list or []
        }
        status = self.station.remote.update_list(
            entries, version=version_number, full=update_type == "Full"
        )
        return call_result.SendLocalList(status=status)

    # -- H: reservation ------------------------------------------------------------

    @on("ReserveNow")
    def on_reserve(
        self,
        id: int,  # noqa: A002 - the specification's name
        id_token: dict[str, Any],
        evse_id: int | None = None,
        **_: object,
    ) -> Message:
        """H01; without an EVSE the first free one."""
        token = id_token["id_token"]
        status = REJECTED
        for outlet in self.outlets(evse_id, None):
            status = self.station.remote.reserve(
                outlet.number, reservation=id, token=token
            )
            if status == ACCEPTED:
                break
        return call_result.ReserveNow(status=status)

    @on("CancelReservation")
    def on_cancel_reservation(self, reservation_id: int, **_: object) -> Message:
        """H02."""
        status = self.station.remote.cancel_reservation(reservation_id)
        return call_result.CancelReservation(status=status)

    # -- K: schedules ----------------------------------------------------------------

    @on("GetCompositeSchedule")
    def on_composite_schedule(
        self, duration: int, evse_id: int, **_: object
    ) -> Message:
        """K08: the limit of now, for the asked time."""
        found = self.outlets(evse_id, None)
        if not found:
            return call_result.GetCompositeSchedule(status=REJECTED)
        now = self.station.clock.now()
        limit = sum(outlet.limit_w(now) for outlet in found)
        return call_result.GetCompositeSchedule(
            status=ACCEPTED,
            schedule={
                "evseId": evse_id,
                "duration": duration,
                "scheduleStart": stamp(now),
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        )

    @on("GetChargingProfiles")
    def on_get_profiles(
        self, request_id: int, evse_id: int | None = None, **_: object
    ) -> Message:
        """K09: one report per EVSE follows."""
        found = [
            (outlet.evse, list(outlet.profiles.profiles.values()))
            for outlet in self.outlets(evse_id, None)
            if outlet.profiles.profiles
        ]
        if not found:
            return call_result.GetChargingProfiles(status="NoProfiles")
        self.station.remote.later(
            lambda: self.station.spawn(self._report_profiles(request_id, found))
        )
        return call_result.GetChargingProfiles(status=ACCEPTED)

    async def _report_profiles(
        self, request_id: int, found: list[tuple[int, list[Profile]]]
    ) -> None:
        for number, (evse, profiles) in enumerate(found, 1):
            await self.station.send(
                "ReportChargingProfiles",
                {
                    "request_id": request_id,
                    "charging_limit_source": "CSO",
                    "evse_id": evse,
                    "tbc": number < len(found),
                    "charging_profile": [_worded(each) for each in profiles],
                },
            )

    # -- N: customer information -------------------------------------------------

    @on("CustomerInformation")
    def on_customer_information(
        self,
        request_id: int,
        report: bool,  # noqa: FBT001 - the specification's field
        clear: bool,  # noqa: FBT001 - the specification's field
        id_token: dict[str, Any] | None = None,
        **_: object,
    ) -> Message:
        """N09, N10: all that is known of a token is its verdict."""
        token = (id_token or {}).get("id_token", "")
        known = self.station.remote.local_list
        text = f"{token}: {known[token]}" if token in known else "nothing is known"
        if clear:
            known.pop(token, None)
        if report:
            self.station.remote.later(
                lambda: self.station.spawn(self._tell_customer(request_id, text))
            )
        return call_result.CustomerInformation(status=ACCEPTED)

    async def _tell_customer(self, request_id: int, text: str) -> None:
        await self.station.send(
            "NotifyCustomerInformation",
            {
                "request_id": request_id,
                "seq_no": 0,
                "generated_at": stamp(self.station.clock.now()),
                "data": text[:CUSTOMER_TEXT_CHARS],
                "tbc": False,
            },
        )

    # -- O: display -------------------------------------------------------------

    @on("SetDisplayMessage")
    def on_display(self, message: dict[str, Any], **_: object) -> Message:
        """O01: a station without a display cannot."""
        if not self.station.options.has_display:
            return call_result.SetDisplayMessage(status=REJECTED)
        self.messages[message["id"]] = message
        self.station.journal.add("display_shown", message=message)
        return call_result.SetDisplayMessage(status=ACCEPTED)

    @on("ClearDisplayMessage")
    def on_clear_display(
        self,
        id: int,  # noqa: A002 - the specification's name
        **_: object,
    ) -> Message:
        """O05."""
        gone = self.messages.pop(id, None)
        self.station.journal.add("display_cleared", id=id)
        return call_result.ClearDisplayMessage(
            status="Unknown" if gone is None else ACCEPTED
        )

    @on("GetDisplayMessages")
    def on_get_display(
        self,
        request_id: int,
        id: list[int] | None = None,  # noqa: A002 - the specification's name
        priority: str | None = None,
        state: str | None = None,
        **_: object,
    ) -> Message:
        """O03, O04: the list follows."""
        found = [
            message
            for message in self.messages.values()
            if (not id or message["id"] in id)
            and priority in {None, message["priority"]}
            and state in {None, message.get("state")}
        ]
        if not found:
            return call_result.GetDisplayMessages(status="Unknown")
        self.station.remote.later(
            lambda: self.station.spawn(self._tell_messages(request_id, found))
        )
        return call_result.GetDisplayMessages(status=ACCEPTED)

    async def _tell_messages(
        self, request_id: int, found: list[dict[str, Any]]
    ) -> None:
        await self.station.send(
            "NotifyDisplayMessages",
            {"request_id": request_id, "message_info": found, "tbc": False},
        )


def _worded(profile: Profile) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "id": 1,
        "charging_rate_unit": profile.unit,
        "charging_schedule_period": [
            {"start_period": start_s, "limit": float(limit)}
            for start_s, limit in profile.periods
        ],
    }
    if profile.starts_at is not None:
        schedule["start_schedule"] = stamp(profile.starts_at)
    return {
        "id": profile.id,
        "stack_level": profile.stack_level,
        "charging_profile_purpose": profile.purpose,
        "charging_profile_kind": profile.kind,
        "charging_schedule": [schedule],
    }
