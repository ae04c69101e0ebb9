"""A driver's limit by the battery's state, over REST."""

import pytest

from charge_points.models import Command, StartHandle
from tests.factories import accounts
from tests.integration.billing.world import API, api


def put(person, order, percent):
    return api(person.headers).put(
        f"{API}/driver/orders/{order.number}/battery-limit",
        {"soc_percent": percent},
        content_type="application/json",
    )


def test_a_limit_is_set_taken_back_and_enforced(world):
    order = world.claimed()
    assert put(world.person, order, 80).status_code == 200
    assert StartHandle.objects.get().soc_limit_percent == 80
    charge = world.begin(order)
    assert charge.row.soc_limit_percent == 80
    assert put(world.person, order, None).status_code == 200
    assert charge.row.soc_limit_percent is None
    assert put(world.person, order, 60).status_code == 200
    charge.meter(1_000, charge.started_at, soc_percent=60)

    stop = Command.objects.get(intent="stop")
    assert stop.arguments["reason"] == "battery limit"


@pytest.mark.parametrize("percent", [0, 101, "full"])
def test_what_is_no_percentage_is_refused(world, percent):
    assert put(world.person, world.claimed(), percent).status_code == 400


def test_nobody_limits_anothers_charge(world):
    answer = put(accounts.driver(), world.claimed(), 50)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_order")


def test_a_charge_that_is_over_is_not_limited(world):
    answer = put(world.person, world.closed(), 50)

    assert (answer.status_code, answer.json()["code"]) == (409, "order_not_running")
