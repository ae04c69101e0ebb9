"""Everything that a 1.6 server may ask of a station."""

import pytest
from ocpp.v16 import call

pytestmark = pytest.mark.asyncio

PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 3000}],
    },
}


async def test_the_configuration_is_read_and_changed(server, station_of):
    async with station_of("1.6", evses=2):
        peer = server.peers["CP1"]
        some = await peer.call(
            call.GetConfiguration(key=["NumberOfConnectors", "Nonsense"])
        )
        every = await peer.call(call.GetConfiguration())
        refused = await peer.call(
            call.ChangeConfiguration(key="NumberOfConnectors", value="9")
        )

    assert some.configuration_key[0]["value"] == "2"
    assert some.unknown_key == ["Nonsense"]
    assert len(every.configuration_key) > 20
    assert refused.status == "Rejected"


async def test_a_new_password_is_used_at_once(server, station_of):
    async with station_of("1.6") as station:
        peer = server.peers["CP1"]
        answer = await peer.call(
            call.ChangeConfiguration(key="AuthorizationKey", value="new-password")
        )
        server.behaviour.password = "new-password"
        await station.wait_for("disconnected")
        await station.wait_for("connected", after=station.journal.last_number - 1)
        assert await station.heartbeat()

    assert answer.status == "Accepted"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")]
)
async def test_a_reset_stops_reconnects_and_boots(server, station_of, kind, reason):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        answer = await server.peers["CP1"].call(call.Reset(type=kind))
        seen = station.journal.last_number
        await station.wait_for("booted", after=seen)
        await station.settle()

    assert answer.status == "Accepted"
    assert server.requests("CP1", "StopTransaction")[0]["reason"] == reason
    assert len(server.requests("CP1", "BootNotification")) == 2
    assert server.connections == 2


async def test_availability_changes_at_once_or_after_the_charge(server, station_of):
    async with station_of("1.6", evses=2) as station:
        peer = server.peers["CP1"]
        await station.plug_in()
        await station.start_local_transaction("TAG")

        async def change(connector, kind):
            answer = await peer.call(
                call.ChangeAvailability(connector_id=connector, type=kind)
            )
            return answer.status

        assert await change(1, "Inoperative") == "Scheduled"
        assert await change(2, "Inoperative") == "Accepted"
        assert await change(7, "Inoperative") == "Rejected"
        start = await peer.call(
            call.RemoteStartTransaction(id_tag="ORDER", connector_id=2)
        )
        await station.stop_local()
        await station.unplug()
        await station.settle()
        assert station.outlets[1].status == "Unavailable"
        assert await change(0, "Operative") == "Accepted"
        await station.settle()
        assert station.outlets[2].status == "Available"

    assert start.status == "Rejected"


async def test_a_cable_is_unlocked_and_the_charge_ends(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        peer = server.peers["CP1"]
        answer = await peer.call(call.UnlockConnector(connector_id=1))
        unknown = await peer.call(call.UnlockConnector(connector_id=9))
        await station.wait_for_end()
        await station.settle()

    assert (answer.status, unknown.status) == ("Unlocked", "NotSupported")
    assert server.requests("CP1", "StopTransaction")[0]["reason"] == "UnlockCommand"


@pytest.mark.parametrize(
    ("message", "status", "action"),
    [
        ("BootNotification", "Accepted", "BootNotification"),
        ("Heartbeat", "Accepted", "Heartbeat"),
        ("StatusNotification", "Accepted", "StatusNotification"),
        ("MeterValues", "Accepted", "MeterValues"),
        ("DiagnosticsStatusNotification", "NotImplemented", ""),
    ],
)
async def test_a_trigger_brings_its_message(
    server, station_of, message, status, action
):
    async with station_of("1.6") as station:
        before = len(server.requests("CP1", action))
        answer = await server.peers["CP1"].call(
            call.TriggerMessage(requested_message=message, connector_id=1)
        )
        while action and len(server.requests("CP1", action)) == before:
            await station.heartbeat()

    assert answer.status == status


async def test_a_trigger_for_an_unknown_connector_is_rejected(server, station_of):
    async with station_of("1.6"):
        answer = await server.peers["CP1"].call(
            call.TriggerMessage(requested_message="MeterValues", connector_id=9)
        )

    assert answer.status == "Rejected"


async def test_profiles_limit_the_charge_until_they_are_cleared(server, station_of):
    async with station_of("1.6") as station:
        peer = server.peers["CP1"]

        async def put(connector, profile):
            answer = await peer.call(
                call.SetChargingProfile(
                    connector_id=connector, cs_charging_profiles=profile
                )
            )
            return answer.status

        assert await put(0, PROFILE) == "Accepted"
        assert await put(9, PROFILE) == "Rejected"
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(seconds=60)
        schedule = await peer.call(
            call.GetCompositeSchedule(connector_id=1, duration=60)
        )
        nowhere = await peer.call(
            call.GetCompositeSchedule(connector_id=9, duration=60)
        )
        cleared = await peer.call(call.ClearChargingProfile(id=1))
        again = await peer.call(call.ClearChargingProfile(id=1))
        unknown = await peer.call(call.ClearChargingProfile(connector_id=9))

    period = schedule.charging_schedule["charging_schedule_period"][0]
    assert period["limit"] == 3000
    assert nowhere.status == "Rejected"
    assert [each.status for each in (cleared, again, unknown)] == [
        "Accepted",
        "Unknown",
        "Unknown",
    ]


async def test_a_remote_start_may_bring_its_profile(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        answer = await server.peers["CP1"].call(
            call.RemoteStartTransaction(
                id_tag="ORDER",
                connector_id=1,
                charging_profile={**PROFILE, "chargingProfilePurpose": "TxProfile"},
            )
        )
        await station.wait_for_remote_start()
        assert station.outlets[1].limit_w(station.clock.now()) == 3000
        await station.stop_local()
        # A TxProfile lives as long as its transaction.
        assert station.outlets[1].limit_w(station.clock.now()) == 22_000

    assert answer.status == "Accepted"


async def test_a_profile_without_sense_is_rejected_and_starts_nothing(
    server, station_of
):
    schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": []}
    empty = {**PROFILE, "chargingSchedule": schedule}
    async with station_of("1.6") as station:
        await station.plug_in()
        peer = server.peers["CP1"]
        put = await peer.call(
            call.SetChargingProfile(connector_id=1, cs_charging_profiles=empty)
        )
        start = await peer.call(
            call.RemoteStartTransaction(
                id_tag="ORDER", connector_id=1, charging_profile=empty
            )
        )
        await station.wait_for("profile_refused")

    assert (put.status, start.status) == ("Rejected", "Rejected")


async def test_the_local_list_serves_while_offline(server, station_of):
    async with station_of("1.6") as station:
        peer = server.peers["CP1"]

        async def send(version, kind, *entries):
            answer = await peer.call(
                call.SendLocalList(
                    list_version=version,
                    update_type=kind,
                    local_authorization_list=list(entries),
                )
            )
            return answer.status

        entry = {"idTag": "LISTED", "idTagInfo": {"status": "Accepted"}}
        assert await send(3, "Full", entry) == "Accepted"
        assert await send(3, "Differential", entry) == "VersionMismatch"
        assert await send(4, "Differential", {"idTag": "OTHER"}) == "Accepted"
        version = await peer.call(call.GetLocalListVersion())
        await station.go_offline()
        assert (await station.authorize("LISTED")).status == "Accepted"
        assert (await station.authorize("STRANGER")).status == "Unknown"

    assert version.list_version == 4


async def test_reservations_keep_a_connector_for_their_token(server, station_of):
    async with station_of("1.6", evses=2) as station:
        peer = server.peers["CP1"]

        async def reserve(connector, number):
            answer = await peer.call(
                call.ReserveNow(
                    connector_id=connector,
                    expiry_date="2099-01-01T00:00:00Z",
                    id_tag="MINE",
                    reservation_id=number,
                )
            )
            return answer.status

        async def start(tag):
            answer = await peer.call(
                call.RemoteStartTransaction(id_tag=tag, connector_id=1)
            )
            return answer.status

        assert await reserve(1, 5) == "Accepted"
        assert await reserve(1, 6) == "Occupied"
        assert await reserve(9, 6) == "Rejected"
        station.outlets[2].available = False
        assert await reserve(2, 6) == "Unavailable"
        station.outlets[2].fault = "OtherError"
        assert await reserve(2, 6) == "Faulted"
        await station.settle()
        assert station.outlets[1].status == "Reserved"
        assert await start("STRANGER") == "Rejected"
        cancelled = await peer.call(call.CancelReservation(reservation_id=5))
        again = await peer.call(call.CancelReservation(reservation_id=5))
        assert await reserve(1, 7) == "Accepted"
        assert await start("MINE") == "Accepted"

    assert (cancelled.status, again.status) == ("Accepted", "Rejected")


async def test_small_messages_are_answered_as_the_specification_says(
    server, station_of
):
    async with station_of("1.6") as station:
        peer = server.peers["CP1"]
        await station.authorize("TAG")
        cleared = await peer.call(call.ClearCache())
        diagnostics = await peer.call(call.GetDiagnostics(location="ftp://x"))
        revoked = await peer.call(
            call.DataTransfer(
                vendor_id="org.cpms.autocharge",
                message_id="ChargingCertificateRevoked",
                data='{"code":"CODE-1"}',
            )
        )
        other = await peer.call(
            call.DataTransfer(vendor_id="org.cpms.autocharge", message_id="Other")
        )
        await peer.call(
            call.UpdateFirmware(location="x", retrieve_date="2030-01-01T00:00:00Z")
        )
        await station.wait_for("certificate_revoked")
        while len(server.requests("CP1", "FirmwareStatusNotification")) < 4:
            await station.heartbeat()
        assert station.token_cache == {}

    assert cleared.status == "Accepted"
    assert diagnostics.file_name is None
    assert (revoked.status, other.status) == ("Accepted", "UnknownMessageId")
    steps = server.requests("CP1", "FirmwareStatusNotification")
    assert steps[-1]["status"] == "Installed"


async def test_a_message_of_another_profile_is_not_implemented(server, station_of):
    async with station_of("1.6"):
        peer = server.peers["CP1"]
        with pytest.raises(Exception, match="No handler"):
            await peer.call(
                call.GetInstalledCertificateIds(
                    certificate_type="CentralSystemRootCertificate"
                ),
                suppress=False,
            )
