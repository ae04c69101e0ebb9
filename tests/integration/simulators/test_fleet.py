"""A fleet in the test's own process, with vehicles that claim and lines that drop."""

import asyncio
import json

import pytest
from ocpp.v16 import call

from simulators.fleet import FleetPlan, StationPlan, run_fleet
from simulators.vehicle import VehicleKey
from tests.integration.simulators.ocpp_server import OFFER

pytestmark = pytest.mark.asyncio


def plan_of(server, **values):
    return FleetPlan(
        **{
            "url": server.url,
            "stations": (
                StationPlan(identity="A", evses=2),
                StationPlan(identity="B", version="2.0.1", stock=True),
            ),
            "tokens": ("ONE", "TWO", "THREE"),
            "arrivals_per_minute": 3000,
            "charges_max": 6,
            "energy_wh_max": 3000,
            "time_scale": 3600,
            "behind_s": 10**6,
            **values,
        }
    )


async def test_a_token_is_at_one_station_at_a_time(server):
    in_use, most = set(), []

    def watch(event):
        token = event.data.get("token")
        if event.name == "transaction_started":
            assert token not in in_use
            in_use.add(token)
            running[event.data["reference"]] = token
            most.append(len(in_use))
        elif event.name == "transaction_ended":
            in_use.discard(running.pop(event.data["reference"]))

    running = {}
    summary = await run_fleet(plan_of(server, charges_max=12), listener=watch)

    assert summary.ok, summary.examples
    assert summary.completed + summary.turned_away == 12
    assert max(most) <= 3


async def test_the_same_seed_brings_the_same_charges(server):
    def energies(summary):
        return summary.completed, summary.energy_wh

    one_by_one = {"charges_max": 1, "seed": 7}
    first = await run_fleet(plan_of(server, **one_by_one))
    second = await run_fleet(plan_of(server, **one_by_one))
    other = await run_fleet(plan_of(server, charges_max=1, seed=8))

    assert energies(first) == energies(second) != energies(other)


async def test_a_charge_survives_a_line_that_drops(server):
    summary = await run_fleet(
        plan_of(
            server,
            stations=(StationPlan(identity="A"),),
            charges_max=1,
            drops_per_mille=1000,
            energy_wh_min=8_000,
            energy_wh_max=8_000,
        )
    )

    assert summary.ok, summary.examples
    (start,) = server.requests("A", "StartTransaction")
    (stop,) = server.requests("A", "StopTransaction")
    assert stop["meter_stop"] - start["meter_start"] == 8_000
    assert server.connections == 2


async def test_vehicles_of_a_fleet_claim_their_certificates(
    server, platform, tmp_path, monkeypatch
):
    path = tmp_path / "car.pem"
    key = VehicleKey.generate()
    key.write(path)
    platform.enrol(key)
    monkeypatch.setitem(OFFER, "certificate", platform.certificate())

    async def start_what_was_claimed():
        while not platform.used_proofs:  # noqa: ASYNC110 - a test waits
            await asyncio.sleep(0.01)
        await server.peers["CP1"].call(call.RemoteStartTransaction(id_tag="A" * 20))

    starting = asyncio.ensure_future(start_what_was_claimed())
    summary = await run_fleet(
        plan_of(
            server,
            stations=(StationPlan(identity="CP1"),),
            tokens=(),
            certificate_per_mille=1000,
            vehicle_keys=(str(path),),
            api=platform.url,
            charges_max=1,
        )
    )
    await starting

    assert summary.ok, summary.examples
    assert dict(summary.by_start) == {"certificate": 1}
    assert json.loads(server.requests("CP1", "DataTransfer")[0]["data"])["requestId"]


async def test_a_vehicle_finds_no_place_for_its_certificate_at_a_stock_station(
    server, tmp_path
):
    path = tmp_path / "car.pem"
    VehicleKey.generate().write(path)
    summary = await run_fleet(
        plan_of(
            server,
            stations=(StationPlan(identity="B", stock=True),),
            certificate_per_mille=1000,
            vehicle_keys=(str(path),),
            api="http://127.0.0.1:1",
            charges_max=2,
        )
    )

    assert (summary.turned_away, summary.completed) == (2, 0)
