"""Handshakes, registration and lost lines."""

import asyncio
from datetime import datetime

import pytest

from simulators.charge_point import SimulatedStation, StationOptions
from simulators.errors import (
    SimulatorError,
    UnableToEnter,
    UnableToReach,
    UnableToUnderstand,
)
from tests.integration.simulators.ocpp_server import ocpp_server
from tests.integration.simulators.tls import self_signed_tls
from tests.integration.simulators.told import starts, stops, whole_charge

pytestmark = pytest.mark.asyncio
BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])


# -- handshake -------------------------------------------------------------------


@BOTH
async def test_an_identity_is_percent_encoded(server, station_of, version):
    async with station_of(version, identity="A/B C"):
        assert server.actions("A/B C")[0] == "BootNotification"


@BOTH
async def test_the_right_password_enters_and_a_wrong_one_does_not(
    server, station_of, version
):
    server.behaviour.password = "secret"
    async with station_of(version, password="secret") as station:
        assert station.online
    async with station_of(version, password="wrong", start=False) as station:
        with pytest.raises(UnableToEnter, match=r"401.*password"):
            await station.connect()


async def test_an_unknown_station_is_told_so(station_of):
    async with station_of("1.6", identity="UNKNOWN1", start=False) as station:
        with pytest.raises(UnableToEnter, match=r"404.*no such charge point"):
            await station.connect()


async def test_a_server_without_the_version_is_told_so(server, station_of):
    server.behaviour.subprotocols = ("ocpp1.6",)
    async with station_of("2.0.1", start=False) as station:
        with pytest.raises(UnableToEnter, match=r"ocpp2\.0\.1"):
            await station.connect()


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/ocpp", "http://127.0.0.1:1"])
async def test_nobody_at_the_address_is_told_so(url):
    station = SimulatedStation(url, "CP1")
    with pytest.raises(UnableToReach, match="CP1"):
        async with station:
            pass


async def test_what_speaks_no_http_breaks_the_handshake():
    async def garbage(_, writer):
        writer.write(b"no http at all\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(garbage, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        station = SimulatedStation(f"ws://127.0.0.1:{port}", "CP1")
        with pytest.raises(SimulatorError):
            await station.start()
        await station.close()


async def test_an_unknown_version_is_wrong_use():
    with pytest.raises(UnableToUnderstand, match=r"2\.1"):
        SimulatedStation("ws://h", "CP1", "2.1")


async def test_a_station_enters_by_tls_only_with_the_right_authority(tmp_path):
    async with self_signed_tls(tmp_path) as (server, ca_file):
        trusting = StationOptions(
            ca_file=ca_file,
            client_cert_file=ca_file,
            client_key_file=str(tmp_path / "key.pem"),
        )
        async with SimulatedStation(server.url, "CP1", "1.6", "", trusting) as station:
            assert await station.heartbeat()
        stranger = SimulatedStation(server.url, "CP1")
        with pytest.raises(UnableToReach, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.start()
        await stranger.close()


# -- registration ----------------------------------------------------------------


@BOTH
async def test_a_pending_station_asks_again_and_tells_nothing_before(
    server, station_of, version
):
    server.behaviour.registrations = ["Pending", "Accepted"]
    server.behaviour.interval_s = 0
    async with station_of(version) as station:
        assert station.registration.status == "Accepted"
        assert station.settings.heartbeat_interval_s == 300

    assert server.actions("CP1")[:3] == [
        "BootNotification",
        "BootNotification",
        "StatusNotification",
    ]


@BOTH
async def test_a_line_cut_while_booting_boots_again(server, station_of, version):
    async with station_of(version, faults=("drop-after:BootNotification",)) as station:
        assert station.registration.status == "Accepted"

    assert len(server.requests("CP1", "BootNotification")) == 2


@BOTH
async def test_a_rejected_station_is_told_so(server, station_of, version):
    server.behaviour.registrations = ["Rejected"]
    async with station_of(version, start=False) as station:
        await station.connect()
        with pytest.raises(UnableToEnter, match="Rejected"):
            await station.boot()

    assert server.actions("CP1") == ["BootNotification"]


@BOTH
async def test_heartbeats_come_as_often_as_the_server_says(server, station_of, version):
    server.behaviour.interval_s = 1
    async with station_of(version):
        while not server.requests("CP1", "Heartbeat"):  # noqa: ASYNC110 - a test waits
            await asyncio.sleep(0.05)


# -- lost lines ------------------------------------------------------------------


@BOTH
async def test_what_happens_offline_is_told_later_in_order(server, station_of, version):
    async with station_of(version) as station:
        await station.authorize("TAG")
        await station.go_offline()
        assert not station.online
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=2_000)
        await station.stop_local()
        await station.unplug()
        ended_at = station.clock.now()
        assert (starts(server), stops(server)) == ([], [])
        await station.come_back()

    (start,), (stop,) = starts(server), stops(server)
    assert datetime.fromisoformat(stop["timestamp"]) <= ended_at
    assert datetime.fromisoformat(start["timestamp"]) < datetime.fromisoformat(
        stop["timestamp"]
    )
    if version == "1.6":
        assert stop["meter_stop"] - start["meter_start"] == 2_000
        assert stop["transaction_id"] == 41
    else:
        assert start["offline"] is True
        words = server.requests("CP1", "StatusNotification")
        assert [each["connector_status"] for each in words] == [
            "Available",
            "Occupied",
            "Available",
        ]
        chain = server.requests("CP1", "TransactionEvent")
        assert [each["seq_no"] for each in chain] == list(range(len(chain)))


@BOTH
async def test_an_unknown_token_starts_offline_only_if_that_is_allowed(
    station_of, version
):
    async with station_of(version) as station:
        await station.go_offline()
        await station.plug_in()
        with pytest.raises(SimulatorError, match="Unknown"):
            await station.start_local_transaction("NEVER-SEEN")
        station.settings.offline_unknown_allowed = True
        await station.start_local_transaction("NEVER-SEEN")


@BOTH
async def test_a_server_that_cuts_the_line_is_found_again(server, station_of, version):
    async with station_of(version) as station:
        seen = station.journal.last_number
        await server.peers["CP1"]._connection.close()
        await station.wait_for("connected", after=seen)
        await whole_charge(station)

    assert server.connections == 2
    assert len(stops(server)) == 1


async def test_a_server_that_is_gone_is_looked_for_again():
    async with ocpp_server() as server:
        station = SimulatedStation(
            server.url,
            "CP1",
            "1.6",
            "",
            StationOptions(reconnect_delay_s=0.01, reconnect_delay_max_s=0.02),
        )
        await station.start()
    try:
        await station.wait_for("connect_failed")
        with pytest.raises(SimulatorError, match="line is down"):
            await station.heartbeat()
    finally:
        await station.close()
