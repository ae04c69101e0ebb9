from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, strategies as st

from charge_points.queries import periods
from charge_points.queries.periods import Charge, Reading, cut

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def charge(readings=(), phases=(), minutes=60, energy=1000, start=500):
    return Charge(
        NOON,
        at(minutes),
        Decimal(start),
        Decimal(energy),
        [Reading(at(m), Decimal(wh)) for m, wh in readings],
        [(at(m), state) for m, state in phases],
    )


def short(found):
    return [(p.state, (p.starts_at - NOON).seconds // 60, p.energy_wh) for p in found]


def test_without_anything_between_there_is_one_period():
    assert short(cut(charge())) == [("charging", 0, 1000)]


def test_readings_cut_the_charge():
    found = cut(charge([(10, 700), (30, 900)]))
    assert short(found) == [
        ("charging", 0, 200),
        ("charging", 10, 200),
        ("charging", 30, 600),
    ]


def test_a_charge_without_duration_has_no_periods():
    assert cut(charge(minutes=0)) == ()


def test_energy_belongs_to_the_charging_part_of_an_interval():
    found = cut(charge(phases=[(0, "charging"), (15, "parking"), (45, "charging")]))
    assert short(found) == [
        ("charging", 0, 500),
        ("parking", 15, 0),
        ("charging", 45, 500),
    ]


def test_energy_of_an_interval_that_was_all_parking_stays_there():
    found = cut(charge([(30, 1400)], phases=[(30, "parking")]))
    assert short(found) == [("charging", 0, 900), ("parking", 30, 100)]


def test_parking_over_many_readings_is_one_period():
    found = cut(charge([(10, 1500), (20, 1500), (30, 1500)], phases=[(10, "parking")]))
    assert short(found) == [("charging", 0, 1000), ("parking", 10, 0)]


def test_readings_that_cannot_be_are_passed_over():
    found = cut(charge([(-5, 400), (10, 700), (20, 600), (25, 99_999), (90, 1500)]))
    assert short(found) == [("charging", 0, 200), ("charging", 10, 800)]


def test_very_many_readings_are_thinned(monkeypatch):
    monkeypatch.setattr(periods, "PERIODS_MAX", 10)
    found = cut(charge([(m, 500 + m) for m in range(1, 60)]))
    assert len(found) <= 11
    assert sum(p.energy_wh for p in found) == 1000


def test_power_is_that_of_the_reading_that_ends_the_period():
    one = Charge(
        NOON,
        at(20),
        Decimal(0),
        Decimal(100),
        [Reading(at(10), Decimal(50), Decimal(300), Decimal(2))],
        [],
    )
    assert [(p.power_w, p.current_a) for p in cut(one)] == [(300, 2), (300, 2)]


@given(
    st.lists(st.tuples(st.integers(-10, 70), st.integers(0, 3000)), max_size=30),
    st.lists(
        st.tuples(st.integers(-10, 70), st.sampled_from(["charging", "parking"])),
        max_size=10,
    ),
    st.decimals(0, 5000, places=3),
)
def test_periods_have_no_gaps_and_add_up(readings, phases, energy):
    whole = charge(readings, sorted(phases, key=lambda p: p[0]), energy=energy)
    found = cut(whole)
    assert found[0].starts_at == whole.started_at
    assert found[-1].ends_at == whole.ended_at
    for before, after in pairwise(found):
        assert before.ends_at == after.starts_at
    assert all(p.ends_at > p.starts_at for p in found)
    assert sum(p.energy_wh for p in found) == energy
