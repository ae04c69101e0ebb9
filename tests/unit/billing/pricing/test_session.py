"""Facts that cannot have happened are refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

import pytest

from billing.pricing import ChargingPeriod, Session, State, UnableToBuildSession
from tests.unit.billing.pricing.making import MONDAY

HOUR = timedelta(hours=1)


def _period(state="charging", start=0, end=1, **facts):
    return ChargingPeriod(state, MONDAY + start * HOUR, MONDAY + end * HOUR, **facts)


def test_times_are_kept_in_utc():
    berlin = datetime(2024, 6, 3, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    period = ChargingPeriod("charging", berlin, berlin + HOUR)
    assert period.starts_at.tzinfo is period.ends_at.tzinfo is UTC
    assert period == _period()
    assert period.state is State.CHARGING


def test_energy_may_be_stated_in_kwh():
    period = ChargingPeriod.in_kwh(
        "charging", MONDAY, MONDAY + HOUR, Decimal("1.2345678")
    )
    assert period.energy_wh == Decimal("1234.5678")


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"state": "flying"}, "state"),
        ({"end": -1}, "ends_at"),
        ({"energy_wh": -1}, "energy_wh"),
        ({"energy_wh": 1.5}, "energy_wh"),
        ({"energy_wh": True}, "energy_wh"),
        ({"energy_wh": Decimal("NaN")}, "energy_wh"),
        ({"energy_wh": Decimal("1e-13")}, "energy_wh"),
        ({"energy_wh": Decimal("Infinity")}, "energy_wh"),
        ({"energy_wh": 10**13}, "energy_wh"),
        ({"energy_wh": Decimal("1e20")}, "energy_wh"),
        ({"current_a": Decimal(-1)}, "current_a"),
        ({"power_kw": 11.0}, "power_kw"),
        ({"state": "reserved", "energy_wh": 1}, "energy_wh"),
    ],
)
def test_a_period_that_cannot_be_is_refused(facts, named):
    with pytest.raises(UnableToBuildSession) as refusal:
        _period(**facts)
    assert refusal.value.extra["path"] == named
    assert refusal.value.status == 422


@pytest.mark.parametrize("instant", [datetime(2024, 6, 3, 8), "2024-06-03T08:00Z"])  # noqa: DTZ001 - what is refused
def test_times_without_an_offset_are_refused(instant):
    with pytest.raises(UnableToBuildSession, match="offset"):
        ChargingPeriod("charging", instant, MONDAY)


@pytest.mark.parametrize(
    ("periods", "named"),
    [
        ((), "periods"),
        ((_period(end=2), _period(start=1, end=3)), "periods[1].starts_at"),
        ((_period(), _period("reserved", 1, 2)), "periods[1].state"),
        ((_period(end=24 * 367),), "periods"),
    ],
)
def test_periods_that_do_not_follow_each_other_are_refused(periods, named):
    with pytest.raises(UnableToBuildSession) as refusal:
        Session(periods, "Europe/Berlin")
    assert refusal.value.extra["path"] == named


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "Europe", None])
def test_an_unknown_time_zone_is_refused(name):
    with pytest.raises(UnableToBuildSession, match="IANA"):
        Session((_period(),), name)


def test_time_between_periods_is_allowed_and_not_priced():
    session = Session((_period(), _period(start=2, end=3)), ZoneInfo("UTC"))
    assert session.zone.key == "UTC"


@pytest.mark.parametrize("energy_kwh", [1.5, Decimal(-1), Decimal("NaN"), True, "1"])
def test_what_is_no_energy_in_kwh_is_refused_by_that_name(energy_kwh):
    with pytest.raises(UnableToBuildSession) as refusal:
        ChargingPeriod.in_kwh("charging", MONDAY, MONDAY + HOUR, energy_kwh)
    assert refusal.value.extra["path"] == "energy_kwh"


def test_a_quantity_is_checked_whatever_precision_the_caller_computes_with():
    with localcontext(prec=3):
        assert _period(energy_wh=Decimal("12345.678901234567")).energy_wh
        with pytest.raises(UnableToBuildSession, match="more than 12 decimals"):
            _period(energy_wh=Decimal("1.0000000000001"))


def test_the_periods_of_a_session_do_not_change_with_the_list_they_came_in():
    periods = [_period()]
    session = Session(periods, "Europe/Berlin")
    periods.clear()
    assert session.periods == (_period(),)
