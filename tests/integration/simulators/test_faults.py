"""Faults, quirks and wrong instruments of a station."""

import asyncio
from datetime import UTC, datetime

import pytest
from ocpp.v16 import call as call16
from ocpp.v201 import call as call201

from simulators.charge_point.queue import QUEUE_MAX
from simulators.errors import WaitedTooLong
from tests.integration.simulators.told import starts, stops, whole_charge

pytestmark = pytest.mark.asyncio
BOTH = pytest.mark.parametrize("version", ["1.6", "2.0.1"])


@BOTH
@pytest.mark.parametrize("step", ["start", "stop"])
async def test_a_line_cut_before_the_message_loses_nothing(
    server, station_of, version, step
):
    async with station_of(version, faults=(f"drop-before:{step}",)) as station:
        await whole_charge(station)

    assert server.connections == 2
    assert (len(starts(server)), len(stops(server))) == (1, 1)


@BOTH
@pytest.mark.parametrize("step", ["start", "stop"])
async def test_a_line_cut_before_the_answer_repeats_the_message(
    server, station_of, version, step
):
    async with station_of(version, faults=(f"drop-after:{step}",)) as station:
        await whole_charge(station)

    told = starts(server) if step == "start" else stops(server)
    assert len(told) == 2
    assert told[0] == told[1]


@BOTH
@pytest.mark.parametrize("kind", ["duplicate", "repeat"])
async def test_a_message_can_come_twice(server, station_of, version, kind):
    async with station_of(version, faults=(f"{kind}:stop",)) as station:
        await whole_charge(station)
        await station.heartbeat()

    told = stops(server)
    assert len(told) == 2
    assert told[0] == told[1]


@BOTH
async def test_a_lost_stop_never_comes(server, station_of, version):
    async with station_of(version, faults=("lose:stop",)) as station:
        await whole_charge(station)

    assert (len(starts(server)), len(stops(server))) == (1, 0)


@BOTH
async def test_a_late_stop_comes_with_its_old_time(server, station_of, version):
    async with station_of(version, faults=("late:stop",)) as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.stop_local()
        ended_at = station.clock.now()
        await station.heartbeat()
        assert stops(server) == []
        await station.settle()

    assert datetime.fromisoformat(stops(server)[0]["timestamp"]) <= ended_at


@BOTH
@pytest.mark.parametrize("fault", ["refuse", "error", "no-answer"])
async def test_a_command_can_be_refused_in_every_way(
    server, station_of, version, fault
):
    if version == "1.6":
        action = "RemoteStartTransaction"
        ask = call16.RemoteStartTransaction(id_tag="ORDER", connector_id=1)
    else:
        action = "RequestStartTransaction"
        token = {"idToken": "ORDER", "type": "Central"}
        ask = call201.RequestStartTransaction(id_token=token, remote_start_id=1)
    async with station_of(version, faults=(f"{fault}:{action}",)) as station:
        await station.plug_in()
        peer = server.peers["CP1"]
        peer._response_timeout = 0.2
        if fault == "no-answer":
            with pytest.raises(TimeoutError):
                await peer.call(ask)
        elif fault == "error":
            with pytest.raises(Exception, match="InternalError"):
                await peer.call(ask, suppress=False)
        else:
            assert (await peer.call(ask)).status == "Rejected"
        assert station.outlets[1].transaction is None
        again = await peer.call(ask)

    assert again.status == "Accepted"


@BOTH
async def test_a_message_that_the_server_refuses_is_given_up_after_its_attempts(
    server, station_of, version
):
    async with station_of(version) as station:
        station.settings.retry_interval_s = 0
        action = "StopTransaction" if version == "1.6" else "TransactionEvent"
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.settle()
        server.behaviour.refused_actions.add(action)
        await station.stop_local()
        await station.wait_for("given_up")
        await station.settle()

    refusals = [event for event in station.events if event.name == "not_taken"]
    assert len(refusals) == 3


async def test_a_full_offline_queue_drops_samples_before_money(server, station_of):
    async with station_of("1.6") as station:
        await station.authorize("TAG")
        await station.go_offline()
        await station.plug_in()
        await station.start_local_transaction("TAG")
        for _ in range(QUEUE_MAX + 10):
            station.flows[1].sample("MeterValuePeriodic", "Sample.Periodic")
        await station.stop_local()
        kept = [item.fact for item in station._parts.queue._items]

    assert len(kept) == QUEUE_MAX
    steps = [str(getattr(fact, "step", "")) for fact in kept]
    assert (steps.count("Started"), steps.count("Ended")) == (1, 1)


async def test_a_register_can_be_lost(server, station_of):
    async with station_of("1.6") as station:
        await station.plug_in()
        await station.start_local_transaction("TAG")
        await station.charge(energy_wh=500)
        station.reset_register()
        await station.stop_local()
        await station.settle()

    (start,), (stop,) = starts(server), stops(server)
    assert stop["meter_stop"] < start["meter_start"]


async def test_a_wrong_clock_shows_in_every_time(server, station_of):
    async with station_of("1.6", clock_offset_s=-10 * 365 * 86_400) as station:
        await whole_charge(station)

    year = int(starts(server)[0]["timestamp"][:4])
    assert year <= datetime.now(tz=UTC).year - 9


async def test_quirks_reach_the_wire_and_answers_still_find_their_call(
    server, station_of
):
    quirks = ("time-with-space", "same-message-id")
    async with station_of("1.6", quirks=quirks) as station:
        await whole_charge(station)
        ids = {frame[1] for frame in station.frames.all("out") if frame[0] == 2}
        start = station.frames.calls("StartTransaction")[0]

    assert ids == {"1"}
    assert start["timestamp"][10] == " "


async def test_a_server_that_never_answers_is_told_so(server, station_of):
    over = asyncio.Event()
    async with station_of("1.6", response_timeout_s=0.05) as station:
        server.peers["CP1"].route_map["Heartbeat"]["_on_action"] = over.wait
        with pytest.raises(WaitedTooLong, match="Heartbeat"):
            await station.heartbeat()
        over.set()
