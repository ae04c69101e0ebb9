"""Meter values as lines: thousands, from zero, never below it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from charge_points.admin.plotting import MeterPoint, meter_plot

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def point(minute, energy_wh=None, power_w=None):
    def number(value):
        return None if value is None else Decimal(value)

    at = NOON + timedelta(minutes=minute)
    return MeterPoint(at, number(energy_wh), number(power_w))


def draw(*points, begins_wh=None):
    return meter_plot(points, begins_wh=begins_wh, zone=UTC)


def test_power_and_energy_are_drawn_as_told():
    svg = draw(point(0, 1000, 0), point(30, 6500, 11_000), begins_wh=Decimal(1000))
    assert "Power (kW)" in svg
    assert "12:30:00 · 11 kW" in svg
    assert "12:30:00 · 5.5 kWh" in svg


def test_energy_counts_from_the_register_at_the_start():
    svg = draw(point(0, 1500), point(60, 2500), begins_wh=Decimal(1000))
    assert "12:00:00 · 0.5 kWh" in svg
    assert "13:00:00 · 1.5 kWh" in svg


def test_without_a_start_the_first_reading_is_zero():
    assert "12:00:00 · 0 kWh" in draw(point(0, 1500), point(60, 2500))


def test_without_power_the_mean_is_taken_from_the_register():
    svg = draw(point(0, 0), point(30, 5000), point(60, 5000))
    assert "Mean power (kW)" in svg
    assert "12:00:00 · 10 kW" in svg
    assert "13:00:00 · 0 kW" in svg


def test_the_order_of_arrival_does_not_matter():
    points = [point(minute, 100 * minute) for minute in (0, 10, 20)]
    assert draw(*reversed(points)) == draw(*points)


def test_two_readings_of_one_instant_give_no_power():
    assert "12:00:00 · 6 kW" in draw(point(0, 0), point(0, 0), point(10, 1000))


def test_what_flows_back_is_drawn_as_nothing():
    svg = draw(point(0, 1000, -5000), point(10, 900, -5000))
    assert "12:10:00 · 0 kW<" in svg
    assert "12:10:00 · 0 kWh<" in svg


def test_nothing_to_see_is_no_plot():
    assert draw() == ""
    assert draw(point(0, 1000, 1)) == ""
    assert draw(point(0), point(1)) == ""
