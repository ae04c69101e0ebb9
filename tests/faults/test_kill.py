"""kill -9 in the middle of charges: nothing is lost, nothing is paid twice."""

import asyncio
import contextlib

import pytest

from simulators.demo import report, scenes
from simulators.demo.provider import Provider
from simulators.errors import SimulatorError

VICTIMS = ("gateway", "worker", "relay", "web", "beat", "postgres", "valkey")
RECOVERY_S = 120
ENERGY_WH = 3000


async def _await_line(station):
    """Wait until the station is back and has told everything."""
    async with asyncio.timeout(RECOVERY_S):
        while True:
            with contextlib.suppress(SimulatorError):
                if station.online:
                    await station.settle(5)
                    return
            await asyncio.sleep(0.2)


async def _charges_with_a_kill(town, victim):
    """Two charges run; the victim dies between the start and the stop."""
    system = town.system
    account = await asyncio.to_thread(scenes.open_account, system.web_url, victim)
    car = await asyncio.to_thread(
        scenes.vehicle_of, account, system.web_url, f"car-{victim}"
    )
    certificate, token = town.places["N-16"], town.places["S-201"]
    first = scenes.station(certificate, system.ocpp_url)
    second = scenes.station(token, system.ocpp_url)
    async with first, second:
        known = await scenes.order_numbers(token)
        await first.plug_in(1, car)
        number = await car.wait_for_order(30)
        await first.wait_for_remote_start(1, 30)
        await second.plug_in(1)
        await second.start_local_transaction(token.token, 1, 30)

        town.kill(victim)

        await first.charge(1, energy_wh=ENERGY_WH, timeout_s=60)
        await second.charge(1, energy_wh=ENERGY_WH, timeout_s=60)
        await first.stop_local(1)
        await second.stop_local(1)
        await first.unplug(1)
        await second.unplug(1)
        await asyncio.gather(_await_line(first), _await_line(second))
        other = await scenes.newest_order(token, known=known, timeout_s=RECOVERY_S)
        for place, order in ((certificate, number), (token, other)):
            await scenes.until_final(place.operator, order, timeout_s=RECOVERY_S)
    return {number: "N-16", other: "S-201"}


@pytest.mark.e2e
@pytest.mark.parametrize("victim", VICTIMS)
def test_every_charge_ends_right_after_a_kill(town, victim):
    orders = asyncio.run(_charges_with_a_kill(town, victim))

    versions = {name: place.version for name, place in town.places.items()}
    rows = [
        report.order_row(town.places[name].operator, number, versions)
        for number, name in orders.items()
    ]
    for row in rows:
        assert row["energy_wh"] == ENERGY_WH, row
        assert row["state"] == "CLOSED", row
    ledger = town.system.manage("ledger_verify")
    books = Provider(town.system.psp_url, town.system.psp_key).books()
    faults = report.faults(rows, town.accounts, ledger, books)
    # The provider's books hold the charges of the earlier kills too.
    assert [f for f in faults if not f.startswith("account ")] == []
    paid = next(row for row in rows if row["started_by"] == "certificate")
    assert paid["payment_state"] == "CAPTURED"
    assert paid["captured_minor"] == paid["amount_minor"]
