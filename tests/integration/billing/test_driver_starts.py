"""Starts and stops by drivers, through the services."""

import pytest
from django.utils import timezone

from billing.services import ordering
from tests.factories import accounts, network
from tests.integration.billing.driver_starting import start
from tests.integration.billing.world import fresh
from tests.outbox import drain


def test_a_driver_starts_by_the_code_on_the_label(world):
    order = start(world, connector_code=world.station.codes[1].lower())
    drain()
    order = fresh(order)
    assert (order.state, order.started_by, order.evse) == ("STARTING", "driver_api", 2)
    world.finish(world.station.start(order.number, evse=2))
    assert fresh(order).payment_state == "CAPTURED"


def test_a_driver_starts_by_the_stations_name(world):
    assert start(world, charge_point=world.station.identity, evse=2).evse == 2


@pytest.mark.parametrize(
    "target", [{"connector_code": "NOPE"}, {"charge_point": "NOPE"}, {}]
)
def test_an_unknown_connector_is_refused(world, target):
    with pytest.raises(ordering.UnableToStart) as refused:
        start(world, **target)
    assert (refused.value.code, refused.value.status) == ("unknown_connector", 404)


def test_a_station_that_is_not_connected_is_refused(world):
    station = network.station(world.operator, online=False)
    with pytest.raises(ordering.UnableToStart) as refused:
        start(world, charge_point=station.identity)
    assert refused.value.code == "charge_point_offline"


def test_one_connector_has_one_live_order(world):
    start(world, charge_point=world.station.identity)
    with pytest.raises(Exception, match="connector_busy"):
        start(world, charge_point=world.station.identity)


def test_a_running_charge_is_asked_to_stop(world):
    order, charge = world.charging()
    ordering.stop_for_driver(
        driver_id=world.driver.pk, number=order.number, at=timezone.now()
    )
    assert charge.row.stop_requested_at is not None
    assert fresh(order).state == "CHARGING"


def test_a_charge_whose_begin_is_not_told_yet_is_stopped_not_cancelled(world):
    order = world.claimed()
    charge = world.station.start(order.number)
    ordering.stop_for_driver(
        driver_id=world.driver.pk, number=order.number, at=timezone.now()
    )
    assert charge.row.stop_requested_at is not None
    drain()
    assert fresh(order).state == "CHARGING"


def test_only_the_own_and_live_order_can_be_stopped(world):
    order = world.closed()
    stranger = accounts.driver()
    for driver, number, code in (
        (stranger.driver, order.number, "unknown_order"),
        (world.driver, "0" * 20, "unknown_order"),
        (world.driver, order.number, "order_not_running"),
    ):
        with pytest.raises(
            (ordering.UnableToFindOrder, ordering.UnableToStop)
        ) as refused:
            ordering.stop_for_driver(
                driver_id=driver.pk, number=number, at=timezone.now()
            )
        assert refused.value.code == code
