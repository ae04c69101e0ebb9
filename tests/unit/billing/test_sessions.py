"""From measured facts to the pricing engine's session."""

from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from billing.pricing import State, parse_tariff
from billing.services.sessions import charges_parking, session_of, with_energy
from tests.factories.tariffs import component, ocpi
from tests.unit.billing.making import NOON, after, facts, period


def test_periods_become_periods():
    session = session_of(
        facts(
            period(0, 20, 8000, power_w=Decimal(24_000), current_a=Decimal(32)),
            period(20, 30, 0, "parking"),
        )
    )
    first, second = session.periods
    assert (first.state, first.energy_wh) == (State.CHARGING, 8000)
    assert (first.power_kw, first.current_a) == (24, 32)
    assert (second.state, second.power_kw) == (State.PARKING, None)
    assert str(session.time_zone) == "Europe/Berlin"


def test_a_charge_without_periods_is_one():
    (only,) = session_of(facts()).periods
    assert (only.starts_at, only.ends_at, only.energy_wh) == (NOON, after(30), 10_000)


def test_a_charge_that_has_just_begun_has_no_duration():
    (only,) = session_of(facts(ended_at=None, energy_wh=0)).periods
    assert only.starts_at == only.ends_at == NOON


def test_the_idle_phase_lasts_until_the_unplug():
    session = session_of(facts(period(0, 30, 10_000)), until=after(45))
    last = session.periods[-1]
    assert (last.state, last.starts_at, last.ends_at) == (
        State.PARKING,
        after(30),
        after(45),
    )


def test_an_unplug_before_the_end_adds_nothing():
    charge = facts(period(0, 30, 10_000))
    assert session_of(charge, until=after(29)) == session_of(charge)


def test_a_meter_slightly_below_zero_shows_nothing():
    session = session_of(
        facts(period(0, 30, 10, power_w=Decimal("-0.4"), current_a=Decimal(-1)))
    )
    assert (session.periods[0].power_kw, session.periods[0].current_a) == (0, 0)


@pytest.mark.parametrize(
    ("components", "charges"),
    [
        ([component()], False),
        ([component("PARKING_TIME", "0")], False),
        ([component(), component("PARKING_TIME", "2")], True),
    ],
)
def test_only_a_price_of_parking_makes_waiting_worth(components, charges):
    assert charges_parking(parse_tariff(ocpi(*components))) is charges


def test_a_decided_energy_is_spread_as_the_measured_one_was():
    decided = with_energy(facts(period(0, 10, 3000), period(10, 30, 1000)), 2000)
    assert [p.energy_wh for p in decided.periods] == [1500, 500]
    assert decided.energy_wh == 2000


def test_a_decided_energy_without_a_measured_one_is_spread_by_time():
    decided = with_energy(facts(period(0, 10, 0), period(10, 30, 0)), 3000)
    assert [p.energy_wh for p in decided.periods] == [1000, 2000]


def test_a_decided_energy_of_a_charge_without_periods_is_kept():
    assert with_energy(facts(), 777).energy_wh == 777
    assert session_of(with_energy(facts(), 777)).periods[0].energy_wh == 777


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(0, 10**7))
def test_the_shares_of_a_decided_energy_add_up_exactly(weights, energy_wh):
    periods = [period(i, i + 1, weight) for i, weight in enumerate(weights)]
    decided = with_energy(facts(*periods), energy_wh)
    assert sum(p.energy_wh for p in decided.periods) == energy_wh
    assert all(p.energy_wh >= -Decimal("0.01") for p in decided.periods)
