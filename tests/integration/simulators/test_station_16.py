"""A 1.6 station against a server on the `ocpp` package."""

from datetime import UTC, datetime

import pytest
from ocpp.v16 import call

from simulators.charge_point import Battery
from simulators.errors import SimulatorError, WaitedTooLong

pytestmark = pytest.mark.asyncio


async def test_a_charge_by_token_is_told_from_boot_to_unplug(server, station_of):
    async with station_of("1.6", meter_interval_s=600) as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=11_000)
        await station.stop_local()
        await station.unplug()
        await station.settle()

    statuses = server.requests("CP1", "StatusNotification")
    assert [(each["connector_id"], each["status"]) for each in statuses] == [
        (0, "Available"),
        (1, "Available"),
        (1, "Preparing"),
        (1, "Charging"),
        (1, "Finishing"),
        (1, "Available"),
    ]
    (start,) = server.requests("CP1", "StartTransaction")
    (stop,) = server.requests("CP1", "StopTransaction")
    meters = server.requests("CP1", "MeterValues")
    assert stop["meter_stop"] - start["meter_start"] == 11_000
    assert (stop["transaction_id"], stop["reason"]) == (41, "Local")
    assert stop["transaction_data"][0]["sampled_value"][0]["context"] == (
        "Transaction.End"
    )
    assert len(meters) >= 3
    assert {each["transaction_id"] for each in meters} == {41}
    # An hour at 11 kW, told by a clock that ran fast and never ahead.
    began, ended = (datetime.fromisoformat(each["timestamp"]) for each in (start, stop))
    assert (ended - began).total_seconds() >= 3500
    assert ended < datetime.now(tz=UTC)


async def test_a_remote_start_charges_and_a_remote_stop_ends_it(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        peer = server.peers["CP1"]
        started = await peer.call(
            call.RemoteStartTransaction(id_tag="ORDER", connector_id=1)
        )
        await station.wait_for_remote_start()
        await station.charge(energy_wh=100)
        stopped = await peer.call(call.RemoteStopTransaction(transaction_id=41))
        await station.wait_for_end()
        again = await peer.call(call.RemoteStopTransaction(transaction_id=41))
        await station.settle()

    assert (started.status, stopped.status) == ("Accepted", "Accepted")
    assert again.status == "Rejected"
    assert server.requests("CP1", "StartTransaction")[0]["id_tag"] == "ORDER"
    assert server.requests("CP1", "StopTransaction")[0]["reason"] == "Remote"
    assert server.requests("CP1", "Authorize") == []


async def test_a_remote_start_without_a_cable_waits_for_it(server, station_of):
    async with station_of("1.6") as station:
        peer = server.peers["CP1"]
        await peer.call(call.RemoteStartTransaction(id_tag="ORDER"))
        await station.wait_for("remote_start")
        second = await peer.call(call.RemoteStartTransaction(id_tag="OTHER"))
        await station.plug_in()
        await station.wait_for_remote_start()

    assert second.status == "Rejected"
    words = [each["status"] for each in server.requests("CP1", "StatusNotification")]
    assert words[2] == "Preparing"


async def test_a_remote_start_ends_when_no_cable_comes(server, station_of):
    async with station_of("1.6") as station:
        station.settings.connection_timeout_s = 0.02
        peer = server.peers["CP1"]
        await peer.call(call.RemoteStartTransaction(id_tag="ORDER"))
        await station.wait_for("connection_timed_out")
        await station.settle()
        assert station.outlets[1].ready is None

    words = [each["status"] for each in server.requests("CP1", "StatusNotification")]
    assert words[-2:] == ["Preparing", "Available"]


async def test_a_station_may_authorise_remote_starts_first(server, station_of):
    server.behaviour.token_status["BAD"] = "Invalid"
    async with station_of("1.6") as station:
        peer = server.peers["CP1"]
        changed = await peer.call(
            call.ChangeConfiguration(key="AuthorizeRemoteTxRequests", value="true")
        )
        await station.plug_in()
        await peer.call(call.RemoteStartTransaction(id_tag="BAD", connector_id=1))
        await station.wait_for("authorized")
        await peer.call(call.RemoteStartTransaction(id_tag="GOOD", connector_id=1))
        await station.wait_for_remote_start()

    assert changed.status == "Accepted"
    assert [each["id_tag"] for each in server.requests("CP1", "Authorize")] == [
        "BAD",
        "GOOD",
    ]
    assert [each["id_tag"] for each in server.requests("CP1", "StartTransaction")] == [
        "GOOD"
    ]


async def test_a_refused_token_starts_nothing(server, station_of):
    server.behaviour.token_status["BAD"] = "Blocked"
    async with station_of("1.6") as station:
        await station.plug_in()
        with pytest.raises(SimulatorError, match="Blocked"):
            await station.start_local_transaction("BAD")

    assert server.requests("CP1", "StartTransaction") == []


async def test_a_start_that_the_server_refuses_is_stopped_without_energy(
    server, station_of
):
    async with station_of("1.6") as station:
        await station.plug_in()
        server.behaviour.token_status["ORDER"] = "Invalid"
        peer = server.peers["CP1"]
        await peer.call(call.RemoteStartTransaction(id_tag="ORDER", connector_id=1))
        with pytest.raises(SimulatorError, match="Invalid"):
            await station.wait_for_remote_start()
        await station.settle()

    (stop,) = server.requests("CP1", "StopTransaction")
    assert stop["reason"] == "DeAuthorized"
    assert stop["meter_stop"] == 100_000


async def test_the_token_that_started_stops_and_another_does_not(server, station_of):
    server.behaviour.groups |= {"TAG": "FAMILY", "SISTER": "FAMILY"}
    async with station_of("1.6") as station:
        for first, second in (("TAG", "TAG"), ("TAG", "SISTER")):
            await station.plug_in()
            await station.start_local_transaction(first)
            await station.present_token("STRANGER")
            assert station.outlets[1].transaction is not None
            await station.present_token(second)
            assert station.outlets[1].transaction is None
            await station.unplug()
        await station.settle()

    assert len(server.requests("CP1", "StopTransaction")) == 2


async def test_pulling_the_cable_ends_the_charge(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=10)
        await station.unplug()
        await station.settle()

    assert server.requests("CP1", "StopTransaction")[0]["reason"] == "EVDisconnected"


async def test_a_failing_connector_ends_the_charge_and_recovers(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        station.fault(1, "GroundFailure")
        station.fault(1, "")
        await station.settle()

    (stop,) = server.requests("CP1", "StopTransaction")
    assert stop["reason"] == "Other"
    last = server.requests("CP1", "StatusNotification")[-2:]
    assert [(each["status"], each["error_code"]) for each in last] == [
        ("Faulted", "GroundFailure"),
        ("Finishing", "NoError"),
    ]


async def test_a_full_battery_is_told_as_suspended(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        station.outlets[1].cable.battery.soc_permille = 999
        await station.start_local_transaction("TAG")
        reading = await station.charge()
        await station.settle()

    assert reading.soc_permille == 1000
    words = [each["status"] for each in server.requests("CP1", "StatusNotification")]
    assert words[-1] == "SuspendedEV"


async def test_time_can_pass_without_energy(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=1_000)
        await station.idle(seconds=1800)
        await station.stop_local()
        await station.settle()

    (start,) = server.requests("CP1", "StartTransaction")
    (stop,) = server.requests("CP1", "StopTransaction")
    assert stop["meter_stop"] - start["meter_start"] == 1_000
    passed = datetime.fromisoformat(stop["timestamp"]) - datetime.fromisoformat(
        start["timestamp"]
    )
    assert passed.total_seconds() > 1800
    words = [each["status"] for each in server.requests("CP1", "StatusNotification")]
    assert "SuspendedEV" in words


async def test_charging_can_last_for_a_time(station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        reading = await station.charge(seconds=1800)

    assert reading.energy_wh >= 100_000 + 5_400


async def test_a_charge_that_ends_early_says_so(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        station.spawn(
            server.peers["CP1"].call(call.RemoteStopTransaction(transaction_id=41))
        )
        with pytest.raises(SimulatorError, match="Remote"):
            await station.charge(energy_wh=500_000_000)


async def test_a_charge_that_cannot_be_done_in_time_says_so(station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        with pytest.raises(WaitedTooLong, match="charge to be done"):
            await station.charge(energy_wh=50_000_000, timeout_s=0.05)


async def test_wrong_moves_of_a_script_are_refused(station_of):
    async with station_of("1.6") as station:
        for wrong in (
            station.unplug,
            station.stop_local,
            station.charge,
            lambda: station.start_local_transaction("TAG"),
            lambda: station.plug_in(7),
        ):
            with pytest.raises(SimulatorError):
                await wrong()
        await station.plug_in()
        with pytest.raises(SimulatorError, match="already"):
            await station.plug_in()


class Listening:
    """A vehicle that only takes what it is offered."""

    def __init__(self):
        self.offers = []

    @property
    def battery(self):
        return Battery()

    async def offered(self, offer):
        self.offers.append(offer)


async def test_plugging_in_brings_the_vehicle_a_certificate(server, station_of):
    vehicle = Listening()
    async with station_of("1.6") as station:
        await station.plug_in(1, vehicle)
        event = await station.wait_for("certificate_received")
        await station.settle()

    (asked,) = server.requests("CP1", "DataTransfer")
    assert asked["vendor_id"] == "org.cpms.autocharge"
    assert asked["message_id"] == "ChargingCertificateRequest"
    assert '"connectorId":1' in asked["data"]
    assert event.data["code"] == "CODE-1"
    (offer,) = vehicle.offers
    assert (offer.station, offer.connector) == ("CP1", 1)
    assert offer.certificate == "head.body.signature"
    assert offer.expires_at == "2030-01-01T00:03:00Z"
    order = server.actions("CP1")
    assert order.index("DataTransfer") > order.index("StatusNotification")


async def test_a_stock_station_asks_for_nothing(server, station_of):
    async with station_of("1.6", stock=True) as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        answer = await server.peers["CP1"].call(
            call.DataTransfer(vendor_id="org.cpms.autocharge", message_id="X")
        )

    assert server.requests("CP1", "DataTransfer") == []
    assert answer.status == "UnknownVendorId"


async def test_a_server_without_the_extension_gives_no_certificate(server, station_of):
    server.behaviour.offers = False
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.wait_for("certificate_failed")
        assert await station.request_certificate() is None
