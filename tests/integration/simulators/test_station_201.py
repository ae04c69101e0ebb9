"""A 2.0.1 station against a server on the `ocpp` package."""

import pytest
from ocpp.v201 import call

from simulators.errors import SimulatorError

pytestmark = pytest.mark.asyncio

ORDER = {"idToken": "ORDER", "type": "Central"}
PROFILE = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {
            "id": 1,
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 3000}],
        }
    ],
}


def events(server):
    return server.requests("CP1", "TransactionEvent")


def energies(server):
    return [
        sample["value"]
        for event in events(server)
        for value in event.get("meter_value", [])
        for sample in value["sampled_value"]
        if sample["measurand"] == "Energy.Active.Import.Register"
    ]


async def test_a_charge_by_token_is_one_chain_of_events(server, station_of):
    async with station_of("2.0.1", meter_interval_s=600) as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=11_000)
        await station.stop_local()
        await station.unplug()
        await station.settle()

    chain = events(server)
    assert [each["seq_no"] for each in chain] == list(range(len(chain)))
    assert len({each["transaction_info"]["transaction_id"] for each in chain}) == 1
    assert chain[0]["event_type"] == "Started"
    assert chain[0]["trigger_reason"] == "Authorized"
    assert chain[0]["id_token"]["id_token"] == "TAG"
    assert chain[1]["trigger_reason"] == "ChargingStateChanged"
    assert chain[1]["transaction_info"]["charging_state"] == "Charging"
    assert chain[-1]["event_type"] == "Ended"
    assert chain[-1]["transaction_info"]["stopped_reason"] == "Local"
    assert not any(each.get("offline") for each in chain)
    readings = energies(server)
    assert readings[-1] - readings[0] == 11_000
    assert readings == sorted(readings)
    statuses = server.requests("CP1", "StatusNotification")
    assert [each["connector_status"] for each in statuses] == [
        "Available",
        "Occupied",
        "Available",
    ]


async def test_a_remote_start_names_its_number(server, station_of):
    async with station_of("2.0.1") as station:
        await station.plug_in()
        peer = server.peers["CP1"]
        started = await peer.call(
            call.RequestStartTransaction(
                id_token=ORDER, remote_start_id=7, evse_id=1, charging_profile=PROFILE
            )
        )
        running = await station.wait_for_remote_start()
        ongoing = await peer.call(
            call.GetTransactionStatus(transaction_id=running.reference)
        )
        await peer.call(call.RequestStopTransaction(transaction_id=running.reference))
        await station.wait_for_end()
        again = await peer.call(
            call.RequestStopTransaction(transaction_id=running.reference)
        )
        await station.settle()
        over = await peer.call(
            call.GetTransactionStatus(transaction_id=running.reference)
        )
        quiet = await peer.call(call.GetTransactionStatus())

    assert (started.status, again.status) == ("Accepted", "Rejected")
    first = events(server)[0]
    assert first["trigger_reason"] == "RemoteStart"
    assert first["transaction_info"]["remote_start_id"] == 7
    assert first["id_token"] == {"id_token": "ORDER", "type": "Central"}
    assert events(server)[-1]["transaction_info"]["stopped_reason"] == "Remote"
    assert (ongoing.ongoing_indicator, over.ongoing_indicator) == (True, False)
    assert (over.messages_in_queue, quiet.ongoing_indicator) == (False, None)


async def test_an_early_start_opens_the_transaction_before_the_token(
    server, station_of
):
    async with station_of("2.0.1", tx_start_point="EVConnected") as station:
        await station.plug_in()
        await station.settle()
        reference = station.outlets[1].transaction.reference
        answer = await server.peers["CP1"].call(
            call.RequestStartTransaction(id_token=ORDER, remote_start_id=7, evse_id=1)
        )
        await station.wait_for_remote_start()
        await station.settle()

    assert answer.transaction_id == reference
    started, attached = events(server)[:2]
    assert started["trigger_reason"] == "CablePluggedIn"
    assert "id_token" not in started
    assert attached["event_type"] == "Updated"
    assert attached["trigger_reason"] == "RemoteStart"
    assert attached["id_token"]["id_token"] == "ORDER"


async def test_an_early_start_without_a_token_ends_at_the_unplug(server, station_of):
    async with station_of("2.0.1", tx_start_point="EVConnected") as station:
        await station.plug_in()
        await station.unplug()
        await station.settle()

    assert [each["event_type"] for each in events(server)] == ["Started", "Ended"]
    assert events(server)[-1]["trigger_reason"] == "EVCommunicationLost"


async def test_a_late_stop_point_ends_at_the_unplug(server, station_of):
    async with station_of("2.0.1", tx_stop_point="EVConnected") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=100)
        await station.stop_local()
        with pytest.raises(SimulatorError, match="no transaction"):
            await station.stop_local()
        await station.settle()
        assert events(server)[-1]["event_type"] == "Updated"
        await station.unplug()
        await station.settle()

    ended = events(server)[-1]
    assert ended["event_type"] == "Ended"
    assert ended["transaction_info"]["stopped_reason"] == "Local"
    readings = energies(server)
    assert readings[-1] - readings[0] == 100


async def test_a_refused_token_ends_the_transaction(server, station_of):
    async with station_of("2.0.1") as station:
        await station.plug_in()
        server.behaviour.token_status["ORDER"] = "Invalid"
        await server.peers["CP1"].call(
            call.RequestStartTransaction(id_token=ORDER, remote_start_id=7)
        )
        with pytest.raises(SimulatorError, match="Invalid"):
            await station.wait_for_remote_start()
        await station.settle()

    assert events(server)[-1]["transaction_info"]["stopped_reason"] == "DeAuthorized"


async def test_two_connectors_of_an_evse_share_it(server, station_of):
    async with station_of("2.0.1", connectors_per_evse=2) as station:
        await station.plug_in(2)
        with pytest.raises(SimulatorError, match="in use"):
            await station.plug_in(1)
        await server.peers["CP1"].call(
            call.RequestStartTransaction(id_token=ORDER, remote_start_id=7, evse_id=1)
        )
        await station.wait_for_remote_start(2)
        await station.settle()

    assert events(server)[0]["evse"] == {"id": 1, "connector_id": 2}


async def test_a_certificate_comes_as_json_and_reaches_the_vehicle(server, station_of):
    async with station_of("2.0.1") as station:
        await station.plug_in()
        event = await station.wait_for("certificate_received")

    (asked,) = server.requests("CP1", "DataTransfer")
    assert asked["data"]["evse_id"] == 1
    assert asked["data"]["request_id"]
    assert event.data["expires_at"] == "2030-01-01T00:03:00Z"


async def test_the_device_model_is_read_written_and_reported(server, station_of):
    heartbeat = {
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "HeartbeatInterval"},
    }
    async with station_of("2.0.1") as station:
        peer = server.peers["CP1"]
        written = await peer.call(
            call.SetVariables(set_variable_data=[{**heartbeat, "attributeValue": "77"}])
        )
        read = await peer.call(call.GetVariables(get_variable_data=[heartbeat]))
        report = await peer.call(
            call.GetBaseReport(request_id=3, report_base="FullInventory")
        )
        nothing = await peer.call(
            call.GetBaseReport(request_id=4, report_base="SummaryInventory")
        )
        while not any(
            not each["tbc"] for each in server.requests("CP1", "NotifyReport")
        ):
            await station.heartbeat()

    assert written.set_variable_result[0]["attribute_status"] == "Accepted"
    assert read.get_variable_result[0]["attribute_value"] == "77"
    assert (report.status, nothing.status) == ("Accepted", "EmptyResultSet")
    parts = server.requests("CP1", "NotifyReport")
    assert [each["seq_no"] for each in parts] == list(range(len(parts)))
    assert sum(len(each["report_data"]) for each in parts) == 20
    assert {each["request_id"] for each in parts} == {3}


async def test_a_new_password_is_used_at_once(server, station_of):
    password = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "attributeValue": "new-password",
    }
    async with station_of("2.0.1") as station:
        await server.peers["CP1"].call(call.SetVariables(set_variable_data=[password]))
        server.behaviour.password = "new-password"
        seen = station.journal.last_number
        await station.wait_for("connected", after=seen)
        assert await station.heartbeat()


async def test_a_reset_on_idle_waits_for_the_charge(server, station_of):
    async with station_of("2.0.1") as station:
        peer = server.peers["CP1"]
        await station.plug_in()
        await station.start_local_transaction("TAG")
        scheduled = await peer.call(call.Reset(type="OnIdle"))
        one_evse = await peer.call(call.Reset(type="Immediate", evse_id=1))
        await station.heartbeat()
        assert len(server.requests("CP1", "BootNotification")) == 1
        seen = station.journal.last_number
        await station.stop_local()
        await station.wait_for("booted", after=seen)

    assert (scheduled.status, one_evse.status) == ("Scheduled", "Rejected")
    boots = server.requests("CP1", "BootNotification")
    assert [each["reason"] for each in boots] == ["PowerUp", "ScheduledReset"]
    assert events(server)[-1]["transaction_info"]["stopped_reason"] == "Local"


async def test_an_immediate_reset_ends_the_charge(server, station_of):
    async with station_of("2.0.1") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        seen = station.journal.last_number
        await server.peers["CP1"].call(call.Reset(type="Immediate"))
        await station.wait_for("booted", after=seen)

    info = events(server)[-1]["transaction_info"]
    assert info["stopped_reason"] == "ImmediateReset"


async def test_hardware_is_asked_as_the_specification_says(server, station_of):
    async with station_of("2.0.1", evses=2) as station:
        peer = server.peers["CP1"]
        await station.plug_in()
        await station.start_local_transaction("TAG")

        async def unlock(evse, connector):
            answer = await peer.call(
                call.UnlockConnector(evse_id=evse, connector_id=connector)
            )
            return answer.status

        async def change(evse, status="Inoperative"):
            answer = await peer.call(
                call.ChangeAvailability(operational_status=status, evse=evse)
            )
            return answer.status

        assert await unlock(1, 1) == "OngoingAuthorizedTransaction"
        assert await unlock(2, 1) == "Unlocked"
        assert await unlock(2, 9) == "UnknownConnector"
        assert await change({"id": 2}) == "Accepted"
        assert await change({"id": 9}) == "Rejected"
        assert await change(None) == "Scheduled"
        nowhere = await peer.call(
            call.RequestStartTransaction(id_token=ORDER, remote_start_id=1, evse_id=9)
        )
        assert nowhere.status == "Rejected"


@pytest.mark.parametrize(
    ("message", "evse", "status", "action"),
    [
        ("BootNotification", None, "Accepted", "BootNotification"),
        ("Heartbeat", None, "Accepted", "Heartbeat"),
        ("StatusNotification", {"id": 1, "connectorId": 1}, "Accepted", "Status"),
        ("MeterValues", {"id": 1}, "Accepted", "MeterValues"),
        ("TransactionEvent", {"id": 1}, "Accepted", "TransactionEvent"),
        ("MeterValues", {"id": 9}, "Rejected", ""),
        ("LogStatusNotification", None, "NotImplemented", ""),
    ],
)
async def test_a_trigger_brings_its_message(
    server, station_of, message, evse, status, action
):
    action = "StatusNotification" if action == "Status" else action
    async with station_of("2.0.1", meter_interval_s=10**6) as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.settle()
        before = len(server.requests("CP1", action))
        answer = await server.peers["CP1"].call(
            call.TriggerMessage(requested_message=message, evse=evse)
        )
        while action and len(server.requests("CP1", action)) == before:
            await station.heartbeat()

    assert answer.status == status
    if action == "TransactionEvent":
        assert events(server)[-1]["trigger_reason"] == "Trigger"


async def test_profiles_come_and_go(server, station_of):
    async with station_of("2.0.1", evses=2) as station:
        peer = server.peers["CP1"]

        async def put(evse):
            answer = await peer.call(
                call.SetChargingProfile(evse_id=evse, charging_profile=PROFILE)
            )
            return answer.status

        async def clear(**criteria):
            answer = await peer.call(call.ClearChargingProfile(**criteria))
            return answer.status

        assert await put(2) == "Accepted"
        assert await put(9) == "Rejected"
        assert station.outlets[1].limit_w(station.clock.now()) == 22_000
        assert station.outlets[2].limit_w(station.clock.now()) == 3_000
        wrong = {"evseId": 9, "chargingProfilePurpose": "TxDefaultProfile"}
        assert await clear(charging_profile_criteria=wrong) == "Unknown"
        right = {**wrong, "evseId": 2}
        assert await clear(charging_profile_criteria=right) == "Accepted"
        assert await put(0) == "Accepted"
        assert await clear(charging_profile_id=1) == "Accepted"


async def test_small_messages_are_answered(server, station_of):
    message = {
        "id": 1,
        "priority": "AlwaysFront",
        "message": {"format": "UTF8", "content": "scan the label"},
    }
    async with station_of("2.0.1", has_display=True) as station:
        peer = server.peers["CP1"]
        shown = await peer.call(call.SetDisplayMessage(message=message))
        await peer.call(call.CostUpdated(total_cost=1.5, transaction_id="T"))
        cleared = await peer.call(call.ClearCache())
        revoked = await peer.call(
            call.DataTransfer(
                vendor_id="org.cpms.autocharge",
                message_id="ChargingCertificateRevoked",
                data={"code": "CODE-1"},
            )
        )
        cost = await station.wait_for("cost_shown")

    assert (shown.status, cleared.status) == ("Accepted", "Accepted")
    assert revoked.status == "Accepted"
    assert cost.data["total_cost"] == 1.5


async def test_a_station_without_a_display_shows_nothing(server, station_of):
    message = {
        "id": 1,
        "priority": "AlwaysFront",
        "message": {"format": "UTF8", "content": "x"},
    }
    async with station_of("2.0.1"):
        answer = await server.peers["CP1"].call(call.SetDisplayMessage(message=message))

    assert answer.status == "Rejected"
