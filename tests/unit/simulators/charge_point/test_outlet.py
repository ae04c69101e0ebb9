from datetime import UTC, datetime, timedelta

import pytest

from simulators.charge_point.battery import MILLIJOULES_PER_WH, Battery
from simulators.charge_point.facts import Authorization, Status, Token, Transaction
from simulators.charge_point.outlet import Cable, Outlet
from simulators.charge_point.profiles import Profile

START = datetime(2030, 5, 1, 12, tzinfo=UTC)


def an_outlet(**values):
    return Outlet(
        **{
            "number": 1,
            "evse": 1,
            "connector": 1,
            "max_power_w": 11_000,
            "voltage_v": 230,
            "phases": 3,
            "register_millijoules": 1000 * MILLIJOULES_PER_WH,
            **values,
        }
    )


def charging(*, wanted_wh=50_000, battery=None, **values):
    outlet = an_outlet(**values)
    outlet.cable = Cable(battery or Battery(), None, START)
    outlet.transaction = Transaction(
        reference="T",
        started_at=START,
        started_wh=outlet.register_wh,
        authorization=Authorization(token=Token("TAG"), trigger="Authorized"),
        energised=True,
        charging_state="Charging",
        wanted_millijoules=wanted_wh * MILLIJOULES_PER_WH,
    )
    outlet.start_measuring(START)
    return outlet


def limit(watts, *, at_s=0):
    return Profile(
        id=1,
        purpose="TxProfile",
        stack_level=0,
        kind="Relative",
        unit="W",
        periods=((0, 11_000), (at_s, watts)) if at_s else ((0, watts),),
        starts_at=None,
        duration_s=None,
        valid_from=None,
        valid_to=None,
    )


def test_energy_is_power_times_time():
    outlet = charging()
    outlet.measure(START + timedelta(minutes=30))

    assert outlet.register_wh == 1000 + 5500
    reading = outlet.read(START + timedelta(minutes=30), "Sample.Periodic")
    assert reading.energy_wh == 6500
    assert reading.power_w == 11_000
    assert reading.current_tenths_a == 159
    assert reading.soc_permille == 291


def test_energy_stops_exactly_at_what_is_wanted():
    outlet = charging(wanted_wh=1234)
    outlet.measure(START + timedelta(hours=1))

    assert outlet.register_wh == 1000 + 1234
    assert outlet.power_w == 0
    assert outlet.status is Status.CHARGING


def test_a_full_battery_suspends_the_charge():
    outlet = charging(battery=Battery(capacity_wh=10_000, soc_permille=990))
    outlet.measure(START + timedelta(hours=1))

    assert outlet.register_wh == 1000 + 100
    assert outlet.status is Status.SUSPENDED_EV


def test_a_profile_of_zero_suspends_the_charge_from_its_instant_on():
    outlet = charging()
    outlet.profiles.put(limit(0, at_s=600))
    outlet.measure(START + timedelta(seconds=590))
    assert outlet.status is Status.CHARGING
    outlet.measure(START + timedelta(seconds=3600))

    assert outlet.status is Status.SUSPENDED_EVSE
    assert outlet.power_w == 0


def test_a_profile_limits_the_power():
    outlet = charging()
    outlet.profiles.put(limit(4_000))
    outlet.measure(START + timedelta(hours=1))

    assert outlet.register_wh == 1000 + 4000


def test_a_meter_that_lies_counts_more_than_flowed():
    outlet = charging(wanted_wh=100, meter_scale=10)
    outlet.measure(START + timedelta(hours=1))

    assert outlet.register_wh == 1000 + 1000


def test_nothing_flows_before_the_relay_closes():
    outlet = charging()
    outlet.stop_measuring()
    outlet.measure(START + timedelta(hours=1))

    assert outlet.register_wh == 1000


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, Status.AVAILABLE),
        ({"fault": "GroundFailure"}, Status.FAULTED),
        ({"available": False}, Status.UNAVAILABLE),
        ({"reservation": 7}, Status.RESERVED),
        ({"ready": Authorization(token=Token("T"), trigger="x")}, Status.PREPARING),
        ({"cable": Cable(Battery(), None, START)}, Status.PREPARING),
        (
            {"cable": Cable(Battery(), None, START), "finishing": True},
            Status.FINISHING,
        ),
    ],
)
def test_the_status_follows_from_the_state(change, status):
    assert an_outlet(**change).status is status


def test_a_transaction_without_a_token_is_still_preparing():
    outlet = charging()
    outlet.transaction.authorization = None

    assert outlet.status is Status.PREPARING
