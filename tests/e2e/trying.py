"""Shared by the tests of bad input: refusals that help, charges that must work."""

import pytest

from simulators.demo import scenes
from simulators.rest import ApiRefusal, RestClient

PATIENCE_S = 300  # also for a station that caught up with real time
ENERGY_WH = 1500


def refusal_of(ask, *arguments, **named):
    """The refusal that a request must get: status, code, and its advice."""
    with pytest.raises(ApiRefusal) as refused:
        ask(*arguments, **named)
    refusal = refused.value
    assert refusal.body["type"] == f"urn:cpms:problem:{refusal.code}"
    assert len(refusal.detail) > 20, refusal.detail
    return refusal


def post(town, path, body, *, authorization="", key=""):
    client = RestClient(base_url=town.system.web_url, authorization=authorization)
    return client.post(path, body, idempotency_key=key)


async def finish(place, station, number):
    """Charge under an order that is there; returns the order when it is final."""
    await station.wait_for_remote_start(1, PATIENCE_S)
    await station.charge(1, energy_wh=ENERGY_WH, timeout_s=PATIENCE_S)
    await station.stop_local(1)
    await station.unplug(1)
    await station.settle(PATIENCE_S)
    order = await scenes.until_final(place.operator, number, timeout_s=PATIENCE_S)
    assert (order["state"], order["payment_state"]) == ("CLOSED", "CAPTURED"), order
    assert order["energy_wh"] == ENERGY_WH
    return order


def driver_of(town, name, card="pm_card_visa"):
    return scenes.open_account(town.system.web_url, name, card=card)


def car_of(town, name, card="pm_card_visa"):
    account = driver_of(town, name, card)
    return scenes.vehicle_of(account, town.system.web_url, name)
