"""Attacks on the flow over the wire and over REST, against the real processes.

What must hold is design page 1.4's table; docs/explanation/flow.md names the tests of
every row.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulators.charge_point.facts import Authorization, Token
from simulators.demo import scenes
from simulators.errors import SimulatorError

pytestmark = pytest.mark.e2e
DEADLINE_S = 180
THIEVES = {"S-16": "1.6", "S-201": "2.0.1"}
ENERGY_WH = 1_500


def car(town, name):
    account = scenes.open_account(town.system.web_url, name)
    return scenes.vehicle_of(account, town.system.web_url, name)


def at(town, name):
    return scenes.station(town.places[name], town.system.ocpp_url)


async def finish(town, name, station, outlet, number):
    """End the charge and return its order as the operator's API tells it."""
    await station.charge(outlet, energy_wh=ENERGY_WH, timeout_s=DEADLINE_S)
    await station.stop_local(outlet)
    await station.unplug(outlet)
    await station.settle(DEADLINE_S)
    return await scenes.until_final(
        town.places[name].operator, number, timeout_s=DEADLINE_S
    )


async def force(station, outlet, token):
    """A station that lets anybody charge: what does the server say of its start?"""
    await station.plug_in(outlet)
    await station.settle(DEADLINE_S)
    seen = station.journal.last_number
    station.flow(outlet).authorise(
        Authorization(token=Token(token), trigger="Authorized")
    )
    refused = await station.journal.wait_for(
        "token_refused", timeout_s=DEADLINE_S, after=seen
    )
    await station.unplug(outlet)
    await station.settle(DEADLINE_S)
    return refused.data["status"]


async def asked_of_cards(place, known):
    """Newer orders that asked anybody's card.

    What a station lets a stranger draw is owed by nobody known, and is written down.
    """
    fresh = await scenes.order_numbers(place) - known
    orders = [await place.operator.aget(f"/api/v1/operator/orders/{n}") for n in fresh]
    return {
        order["order"]
        for order in orders
        if (order["payment"] or {}).get("provider_ref")
    }


def test_of_many_vehicles_that_claim_at_once_one_charges_and_pays(town):
    """One certificate, shown to six vehicles, claimed over six connections."""
    cars = [car(town, f"crowd-{number}") for number in range(6)]

    async def play():
        async with at(town, "N-201") as station:
            known = await scenes.order_numbers(town.places["N-201"])
            await station.plug_in(1)
            await station.settle(DEADLINE_S)
            offer = await station.request_certificate(1, DEADLINE_S)
            with ThreadPoolExecutor(len(cars)) as pool:
                results = list(
                    pool.map(
                        lambda each: each.claim(offer.certificate, station="N-201"),
                        cars,
                    )
                )
            (number,) = {result.order for result in results if result.order}
            await station.wait_for_remote_start(1, DEADLINE_S)
            order = await finish(town, "N-201", station, 1, number)
            fresh = await scenes.order_numbers(town.places["N-201"]) - known
            late = await asyncio.to_thread(
                cars[0].claim, offer.certificate, station="N-201"
            )
        return results, order, fresh, late

    results, order, fresh, late = asyncio.run(play())
    refused = [result.refusal.code for result in results if result.refusal]
    assert refused == ["certificate_already_claimed"] * (len(cars) - 1)
    assert fresh == {order["order"]}
    assert (order["state"], order["payment_state"]) == ("CLOSED", "CAPTURED")
    assert late.refusal.status in {409, 410}, "and nobody claims it afterwards"


@pytest.mark.parametrize("thief", THIEVES)
def test_a_stolen_order_number_starts_nothing_elsewhere(town, thief):
    """Authorize and a forced start at another operator's station are refused."""
    owner = car(town, f"robbed-{thief}".lower())

    async def play():
        async with at(town, "N-16") as station, at(town, thief) as other:
            known = await scenes.order_numbers(town.places[thief])
            await station.plug_in(1, owner)
            number = await owner.wait_for_order(DEADLINE_S)
            asked = await other.authorize(number, DEADLINE_S)
            forced = await force(other, 2, number)
            await station.wait_for_remote_start(1, DEADLINE_S)
            order = await finish(town, "N-16", station, 1, number)
            again = await station.authorize(number, DEADLINE_S)
            stolen = await asked_of_cards(town.places[thief], known)
        return asked, forced, order, again, stolen

    asked, forced, order, again, stolen = asyncio.run(play())
    assert (asked.status, forced) == ("Invalid", "Invalid")
    assert stolen == set()
    assert (order["state"], order["payment_state"]) == ("CLOSED", "CAPTURED")
    assert again.status == "Invalid", "it is used up where it was good as well"


@pytest.mark.parametrize("thief", THIEVES)
def test_identifiers_and_leaked_certificates_are_no_tokens(town, thief):
    """A VIN, a MAC (Autocharge) or a certificate's code at the reader bills nobody."""

    async def play():
        async with at(town, thief) as station:
            known = await scenes.order_numbers(town.places[thief])
            await station.plug_in(1)
            await station.settle(DEADLINE_S)
            offer = await station.request_certificate(1, DEADLINE_S)
            told = [
                (await station.authorize(word[:20], DEADLINE_S)).status
                for word in (
                    *["VID:0011223344AA", "0011223344AA", "WVWZZZ1JZXW000001"],
                    *[offer.code, offer.certificate],
                )
            ]
            with pytest.raises(SimulatorError):
                await station.start_local_transaction("0011223344AA", 1, DEADLINE_S)
            await station.unplug(1)
            await station.settle(DEADLINE_S)
            forced = await force(station, 2, "0011223344AA")
            return told, forced, await asked_of_cards(town.places[thief], known)

    told, forced, fresh = asyncio.run(play())
    assert set(told) <= {"Invalid", "Unknown"}
    assert forced in {"Invalid", "Unknown"}
    assert fresh == set()


async def let_run(town, name, token):
    """A station that charges whoever is refused, until it is asked to stop."""
    place = town.places[name]
    station = scenes.station(
        place, town.system.ocpp_url, stock=True, behind_s=scenes.TOKEN_BEHIND_S
    )
    async with station:
        station.settings.stop_on_invalid = False
        known = await scenes.order_numbers(place)
        await station.plug_in(2)
        await station.settle(DEADLINE_S)
        station.flow(2).authorise(
            Authorization(token=Token(token), trigger="Authorized")
        )
        await station.journal.wait_for("energy_flows", timeout_s=DEADLINE_S)
        drawing = asyncio.create_task(
            station.charge(2, energy_wh=50_000, timeout_s=DEADLINE_S)
        )
        for what in ("token_refused", "remote_stop", "transaction_ended"):
            await station.journal.wait_for(what, timeout_s=DEADLINE_S)
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        await station.unplug(2)
        await station.settle(DEADLINE_S)
        number = await scenes.newest_order(place, known=known)
        order = await scenes.until_final(place.operator, number, timeout_s=DEADLINE_S)
        events = await place.operator.aget("/api/v1/operator/security-events")
    return order, [event["kind"] for event in events["results"]]


@pytest.mark.parametrize("name", THIEVES)
def test_what_a_station_lets_a_refused_token_draw_is_stopped_and_seen(town, name):
    order, kinds = asyncio.run(let_run(town, name, "0BAD0BAD0BAD"))
    assert (order["state"], order["payment"]) == ("REVIEW", None)
    assert order["energy_wh"] > 100
    assert "ChargeAfterRefusal" in kinds


@pytest.mark.parametrize("name", ["N-16", "N-201"])
def test_a_line_that_is_lost_after_the_start_costs_and_pays_once(town, name):
    """Meter values and the stop are told when the line is back."""
    owner = car(town, f"lost-{name}".lower())

    async def play():
        async with at(town, name) as station:
            known = await scenes.order_numbers(town.places[name])
            await station.plug_in(2, owner)
            number = await owner.wait_for_order(DEADLINE_S)
            await station.wait_for_remote_start(2, DEADLINE_S)
            await station.settle(DEADLINE_S)
            await station.go_offline()
            await station.charge(2, energy_wh=ENERGY_WH, timeout_s=DEADLINE_S)
            await station.stop_local(2)
            await station.unplug(2)
            await station.come_back(DEADLINE_S)
            place = town.places[name]
            order = await scenes.until_final(
                place.operator, number, timeout_s=DEADLINE_S
            )
            return order, await scenes.order_numbers(place) - known

    order, fresh = asyncio.run(play())
    assert fresh == {order["order"]}
    assert (order["state"], order["payment_state"]) == ("CLOSED", "CAPTURED")
    assert order["energy_wh"] == ENERGY_WH
    assert len(order["cdrs"]) == 1
    assert order["payment"]["captured_minor"] == order["amount_minor"] > 0
