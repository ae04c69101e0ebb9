from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from simulators.charge_point.clock import FAST_CLOCK_BEHIND_S, StationClock, stamp

START = datetime(2030, 5, 1, 12, tzinfo=UTC)


class Monotonic:
    """Replaces time.monotonic so that both clocks move together."""

    def __init__(self, monkeypatch, traveller):
        self.now_s = 1000.0
        self.traveller = traveller
        monkeypatch.setattr(
            "simulators.charge_point.clock.time.monotonic", lambda: self.now_s
        )

    def pass_seconds(self, seconds):
        self.now_s += seconds
        self.traveller.shift(timedelta(seconds=seconds))


@pytest.fixture
def world(monkeypatch):
    with time_machine.travel(START, tick=False) as traveller:
        yield Monotonic(monkeypatch, traveller)


def test_a_clock_of_scale_one_shows_real_time(world):
    clock = StationClock()
    world.pass_seconds(7)

    assert clock.now() == START + timedelta(seconds=7)


def test_a_fast_clock_starts_behind_and_idles_at_real_speed(world):
    clock = StationClock(scale=60)
    world.pass_seconds(10)

    late = timedelta(seconds=FAST_CLOCK_BEHIND_S)
    assert clock.now() == START + timedelta(seconds=10) - late


def test_a_fast_clock_runs_fast_only_while_a_charge_runs(world):
    clock = StationClock(scale=60, behind_s=3600)
    clock.run_fast()
    world.pass_seconds(10)
    clock.run_normally()
    world.pass_seconds(10)

    assert clock.now() == START - timedelta(seconds=3600) + timedelta(seconds=610)


def test_a_fast_clock_never_passes_real_time(world):
    clock = StationClock(scale=600, behind_s=60)
    clock.run_fast()
    world.pass_seconds(10)

    assert clock.now() == START + timedelta(seconds=10)


def test_two_charges_keep_the_clock_fast_until_both_end(world):
    clock = StationClock(scale=10, behind_s=10_000)
    clock.run_fast()
    clock.run_fast()
    clock.run_normally()
    world.pass_seconds(10)

    assert clock.now() == START + timedelta(seconds=100 - 10_000)


def test_a_clock_never_goes_backwards_when_real_time_is_set_back(world):
    clock = StationClock()
    world.traveller.shift(timedelta(seconds=-30))

    assert clock.now() == START


def test_a_wrong_clock_shows_its_offset(world):
    del world
    clock = StationClock(offset_s=-86_400)

    assert clock.now() == START - timedelta(days=1)


def test_stamps_are_utc_with_milliseconds_and_z():
    assert stamp(START) == "2030-05-01T12:00:00.000Z"
