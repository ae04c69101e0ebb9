"""Lists, reservations, schedules, display and customers' data of the 2.0.1 station."""

import pytest
from ocpp.v201 import call

pytestmark = pytest.mark.asyncio

TOKEN = {"idToken": "A1", "type": "ISO14443"}
MESSAGE = {
    "id": 1,
    "priority": "AlwaysFront",
    "message": {"format": "UTF8", "content": "scan the label"},
}


async def told(server, station, action):
    while not server.requests("CP1", action):
        await station.heartbeat()
    return server.requests("CP1", action)[0]


async def test_the_local_list_has_a_version(server, station_of):
    entry = {"idToken": TOKEN, "idTokenInfo": {"status": "Accepted"}}
    async with station_of("2.0.1"):
        peer = server.peers["CP1"]

        async def send(version, kind):
            sent = call.SendLocalList(
                version_number=version,
                update_type=kind,
                local_authorization_list=[entry],
            )
            return (await peer.call(sent)).status

        assert (await peer.call(call.GetLocalListVersion())).version_number == 0
        assert await send(5, "Full") == "Accepted"
        assert await send(5, "Differential") == "VersionMismatch"
        assert (await peer.call(call.GetLocalListVersion())).version_number == 5


async def test_a_reservation_takes_the_first_free_evse(server, station_of):
    async with station_of("2.0.1"):
        peer = server.peers["CP1"]

        async def reserve(number, **more):
            sent = call.ReserveNow(
                id=number,
                expiry_date_time="2030-01-01T00:00:00Z",
                id_token=TOKEN,
                **more,
            )
            return (await peer.call(sent)).status

        assert await reserve(1, evse_id=1) == "Accepted"
        assert await reserve(2, evse_id=1) == "Occupied"
        assert await reserve(3, evse_id=99) == "Rejected"
        gone = await peer.call(call.CancelReservation(reservation_id=1))
        again = await peer.call(call.CancelReservation(reservation_id=1))

    assert (gone.status, again.status) == ("Accepted", "Rejected")


async def test_schedules_and_profiles_are_told(server, station_of):
    profile = {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": "2026-01-01T00:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4000.0}],
            }
        ],
    }
    async with station_of("2.0.1") as station:
        peer = server.peers["CP1"]
        asked = call.GetChargingProfiles(request_id=1, charging_profile={})
        nothing = await peer.call(asked)
        await peer.call(call.SetChargingProfile(evse_id=1, charging_profile=profile))
        composite = await peer.call(call.GetCompositeSchedule(duration=60, evse_id=1))
        unknown = await peer.call(call.GetCompositeSchedule(duration=60, evse_id=99))
        something = await peer.call(asked)
        report = await told(server, station, "ReportChargingProfiles")

    assert (nothing.status, something.status) == ("NoProfiles", "Accepted")
    assert unknown.status == "Rejected"
    period = composite.schedule["charging_schedule_period"][0]
    assert period["limit"] == 4000
    assert report["charging_profile"][0]["id"] == 7


async def test_the_display_tells_what_it_has(server, station_of):
    async with station_of("2.0.1", has_display=True) as station:
        peer = server.peers["CP1"]
        asked = call.GetDisplayMessages(request_id=1)
        nothing = await peer.call(asked)
        await peer.call(call.SetDisplayMessage(message=MESSAGE))
        something = await peer.call(asked)
        report = await told(server, station, "NotifyDisplayMessages")
        gone = await peer.call(call.ClearDisplayMessage(id=1))
        again = await peer.call(call.ClearDisplayMessage(id=1))

    assert (nothing.status, something.status) == ("Unknown", "Accepted")
    assert report["message_info"][0]["id"] == 1
    assert (gone.status, again.status) == ("Accepted", "Unknown")


async def test_customers_data_are_told(server, station_of):
    async with station_of("2.0.1") as station:
        asked = call.CustomerInformation(
            request_id=1, report=True, clear=False, id_token=TOKEN
        )
        answer = await server.peers["CP1"].call(asked)
        report = await told(server, station, "NotifyCustomerInformation")

    assert answer.status == "Accepted"
    assert report["data"] == "nothing is known"


async def test_a_report_of_one_component(server, station_of):
    wanted = [{"component": {"name": "TxCtrlr"}}]
    async with station_of("2.0.1") as station:
        peer = server.peers["CP1"]
        answer = await peer.call(
            call.GetReport(request_id=9, component_variable=wanted)
        )
        report = await told(server, station, "NotifyReport")

    assert answer.status == "Accepted"
    names = {row["component"]["name"] for row in report["report_data"]}
    assert names == {"TxCtrlr"}
