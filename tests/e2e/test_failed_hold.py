"""A token whose card refuses the hold: the charge began already and is stopped."""

import asyncio
import logging
import secrets

import pytest

from simulators.demo import scenes

pytestmark = pytest.mark.e2e
log = logging.getLogger(__name__)
CARD_THAT_DECLINES = "pm_sim_insufficientFundsLater"
DEADLINE_S = 180


def token_of(town, account):
    """A card of an account whose payment method looks fine until it is used."""
    token = secrets.token_hex(7).upper()
    told = town.system.manage(
        *["create_id_token", "--token", token, "--status", "Accepted"],
        *["--driver", account.email],
    )
    assert told["exit_code"] == 0, told
    return token


async def charge_until_stopped(town, place, token):
    """Start with the token, take energy, and wait for the platform's stop.

    Returns:
        The order's number, the station's journal, and what the next start is told.
    """
    station = scenes.station(
        place, town.system.ocpp_url, stock=True, behind_s=scenes.TOKEN_BEHIND_S
    )
    async with station:
        known = await scenes.order_numbers(place)
        await station.plug_in(1)
        await station.start_local_transaction(token, 1, DEADLINE_S)
        seen = station.journal.last_number
        await station.journal.wait_for("remote_stop", timeout_s=DEADLINE_S)
        await station.journal.wait_for(
            "transaction_ended", timeout_s=DEADLINE_S, after=seen
        )
        await station.unplug(1)
        await station.settle(DEADLINE_S)
        number = await scenes.newest_order(place, known=known)
        order = await scenes.until_final(place.operator, number, timeout_s=DEADLINE_S)
        again = await station.authorize(token, DEADLINE_S)
    return order, station.journal, again


@pytest.mark.parametrize("name", ["S-16", "S-202"])
def test_a_hold_that_fails_in_the_background_stops_the_charge(town, name):
    account = scenes.open_account(
        town.system.web_url, f"declined-{name}".lower(), card=CARD_THAT_DECLINES
    )
    token = token_of(town, account)

    order, journal, again = asyncio.run(
        charge_until_stopped(town, town.places[name], token)
    )

    told = [event.name for event in journal.all()]
    # Energy flows at once; nobody waits for the bank at the charger.
    ways = ["authorized", "energy_flows", "remote_stop", "energy_stopped"]
    assert [told.index(each) for each in ways] == sorted(map(told.index, ways))
    assert journal.all("remote_stop")[0].data["connector"] == 1
    assert order["started_by"] == "token"
    assert order["payment"]["decline_code"] == "insufficient_funds"
    assert order["payment"]["captured_minor"] == 0
    assert order["state"] == "CLOSED"
    assert again.status in {"Blocked", "NoCredit"}, "the next start is refused at once"
    began, stopped = (journal.all(each)[0].at for each in ("energy_flows", ways[2]))
    log.info("%s: stopped after %.2f s", name, (stopped - began).total_seconds())
