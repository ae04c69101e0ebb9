import pytest
from hypothesis import given, settings, strategies as st

from simulators.charge_point.battery import MILLIJOULES_PER_WH, Battery, ChargingCurve


def test_the_default_curve_is_flat_and_then_tapers():
    curve = ChargingCurve()

    shares = [curve.share(charge) for charge in (0, 500, 800, 850, 900, 950, 1000)]
    assert shares == [1000, 1000, 1000, 725, 450, 275, 100]


@pytest.mark.parametrize(
    "points",
    [
        ((0, 1000),),
        ((0, 1000), (900, 500)),
        ((100, 1000), (1000, 500)),
        ((0, 1000), (600, 500), (500, 400), (1000, 100)),
        ((0, 1000), (500, 500), (500, 400), (1000, 100)),
    ],
)
def test_a_curve_must_cover_the_battery_in_order(points):
    with pytest.raises(ValueError, match="0 to 1000"):
        ChargingCurve(points)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_share_lies_between_those_of_the_neighbouring_points(charge):
    assert 100 <= ChargingCurve().share(charge) <= 1000


def test_a_battery_fills_up_to_its_capacity_and_then_takes_nothing():
    battery = Battery(capacity_wh=10_000, soc_permille=900, max_power_w=11_000)
    assert battery.power_w == 11_000 * 450 // 1000
    assert battery.room_millijoules == 1_000 * MILLIJOULES_PER_WH

    battery.take(battery.room_millijoules)

    assert battery.charge_permille == 1000
    assert battery.room_millijoules == 0
    assert battery.power_w == 0
