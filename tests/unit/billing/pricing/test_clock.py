"""Local time: daylight saving both ways, midnight, months; against a slow witness."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from billing.pricing import ChargingPeriod, Session, parse_tariff, rate
from billing.pricing.tariff import Day
from billing.pricing.walking import instant_of, micros, offset_spans
from tests.unit.billing.pricing.making import (
    component,
    element,
    session,
    tariff,
    totals,
)
from tests.unit.billing.pricing.strategies import ZONES, restrictions, starts

HOUR = timedelta(hours=1)


def _charge(at, hours, zone="Europe/Berlin", kwh=0):
    period = ChargingPeriod("charging", at, at + hours * HOUR, kwh * 1000)
    return Session((period,), zone)


NIGHT = tariff(
    element(component("TIME", 1, step=0), start_time="00:00", end_time="06:00"),
    element(component("TIME", 10, step=0)),
)
GAP = tariff(
    element(component("TIME", 1, step=0), start_time="02:30", end_time="04:00"),
    element(component("TIME", 10, step=0)),
)


@pytest.mark.parametrize(
    ("rules", "at", "hours", "expected"),
    [
        # The night the clocks go on has five hours until six o'clock.
        (NIGHT, datetime(2024, 3, 30, 23, tzinfo=UTC), 6, "15"),
        # The night they go back has seven.
        (NIGHT, datetime(2024, 10, 26, 22, tzinfo=UTC), 8, "17"),
        (NIGHT, datetime(2024, 6, 3, 22, tzinfo=UTC), 7, "16"),
        # 02:30 does not exist: the window opens when the clock jumps over it.
        (GAP, datetime(2024, 3, 31, 0, tzinfo=UTC), 3, "21"),
        # 02:30 comes twice: the clock shows 02:30 to 02:59, 02:00 to 02:29, 02:30 …
        (GAP, datetime(2024, 10, 27, 0, tzinfo=UTC), 3, "12"),
    ],
)
def test_windows_follow_the_local_clock_over_a_change(rules, at, hours, expected):
    assert totals(rate(rules, _charge(at, hours)))[0] == expected


def test_two_hours_over_the_october_change_are_two_hours():
    zone = ZoneInfo("Europe/Berlin")
    begins = datetime(2024, 10, 27, 2, 0, tzinfo=zone)
    ends = datetime(2024, 10, 27, 3, 0, tzinfo=zone)
    session = Session((ChargingPeriod("charging", begins, ends),), zone)
    priced = rate(tariff(element(component("TIME", 6, step=0))), session)
    assert totals(priced)[0] == "12"


def test_parts_of_a_second_count():
    at = datetime(2024, 6, 3, 9, 59, 59, 250_000, tzinfo=UTC)
    rules = tariff(
        element(component("TIME", 3600, step=0), start_time="12:00"),
        element(component("TIME", 7200, step=0)),
    )
    period = ChargingPeriod("charging", at, at + timedelta(seconds=1.75))
    assert totals(rate(rules, Session((period,), "Europe/Berlin")))[0] == "2.5"


def test_days_and_dates_turn_at_local_midnight():
    rules = tariff(
        element(component("TIME", 1, step=0), day_of_week=["THURSDAY"]),
        element(component("TIME", 10, step=0), start_date="2024-03-01"),
    )
    # 29 February 2024 was a Thursday; local midnight is 23:00 UTC.
    session = _charge(datetime(2024, 2, 28, 21, tzinfo=UTC), 28)
    assert totals(rate(rules, session))[0] == "44"


def test_a_session_of_no_length_still_has_a_local_time():
    rules = tariff(element(component("FLAT", 2), start_time="10:00", end_time="11:00"))
    assert (
        totals(rate(rules, _charge(datetime(2024, 6, 3, 8, tzinfo=UTC), 0)))[0] == "2"
    )
    assert (
        totals(rate(rules, _charge(datetime(2024, 6, 3, 9, tzinfo=UTC), 0)))[0] == "0"
    )


def test_spans_join_and_have_the_offset_of_the_zone():
    zone = ZoneInfo("Europe/Berlin")
    first, last = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    spans = offset_spans(micros(first), micros(last), zone)
    assert [span.offset_us // 3_600_000_000 for span in spans] == [1, 2, 1]
    changes = [instant_of(span.starts_us) for span in spans[1:]]
    assert changes == [
        datetime(2024, 3, 31, 1, tzinfo=UTC),
        datetime(2024, 10, 27, 1, tzinfo=UTC),
    ]
    assert all(a.ends_us == b.starts_us for a, b in pairwise(spans))


@pytest.mark.parametrize("seconds", [0, 1, 1800])
def test_a_change_at_the_edge_of_a_session_is_seen(seconds):
    change = micros(datetime(2024, 10, 27, 1, tzinfo=UTC))
    zone = ZoneInfo("Europe/Berlin")
    before = offset_spans(change - 1_000_000, change + seconds * 1_000_000, zone)
    assert before[0].ends_us == change
    assert len(before) == 2


def _holds(limits, at, began, zone):
    """One moment against one element's restrictions, straight from the text."""
    local = at.astimezone(zone)
    clock = f"{local:%H:%M}"
    start, end = limits.get("start_time", "00:00"), limits.get("end_time", "00:00")
    if start < end or end == "00:00":
        inside = clock >= start and (end == "00:00" or clock < end)
    else:
        inside = clock >= start or clock < end
    seconds = (at - began) // timedelta(seconds=1)
    days = limits.get("day_of_week")
    return (
        inside
        and (not days or list(Day)[local.weekday()] in days)
        and local.date() >= date.fromisoformat(limits.get("start_date", "0001-01-01"))
        and local.date() < date.fromisoformat(limits.get("end_date", "9999-12-31"))
        and seconds >= limits.get("min_duration", 0)
        and seconds < limits.get("max_duration", 10**9)
    )


@settings(max_examples=60)
@given(
    st.lists(
        restrictions(
            "start_time",
            "end_time",
            "day_of_week",
            "min_duration",
            "max_duration",
            "start_date",
            "end_date",
        ),
        min_size=1,
        max_size=4,
    ),
    starts,
    st.integers(1, 500),
    st.sampled_from(ZONES),
)
def test_every_minute_is_priced_as_a_slow_witness_prices_it(limits, at, minutes, zone):
    documents = [
        {
            "price_components": [
                component("TIME", price, step=0),
                component("ENERGY", price, step=0),
            ],
            "restrictions": limit,
        }
        for price, limit in enumerate(limits, start=1)
    ]
    rules = parse_tariff({"id": "1", "currency": "EUR", "elements": documents})
    period = ChargingPeriod(
        "charging", at, at + timedelta(minutes=minutes), minutes * 60
    )
    expected = Fraction(0)
    for minute in range(minutes):
        moment = at + timedelta(minutes=minute)
        for price, limit in enumerate(limits, start=1):
            if _holds(limit, moment, at, ZoneInfo(zone)):
                expected += price * (Fraction(1, 60) + Fraction(60, 1000))
                break
    priced = rate(rules, Session((period,), zone))
    assert abs(Fraction(priced.before_taxes) - expected) < Fraction(1, 10**11)


def test_west_of_greenwich_the_clock_is_as_exact():
    rules = tariff(
        element(component("TIME", 3600, step=0), start_time="20:00"),
        element(component("TIME", 7200, step=0)),
    )
    # 18:00 to 22:00 in New York.
    used = _charge(datetime(2024, 6, 3, 22, tzinfo=UTC), 4, "America/New_York")
    assert totals(rate(rules, used))[0] == "21600"


def test_each_period_of_a_session_is_priced_by_its_own_hours():
    rules = tariff(
        element(component("TIME", 1, step=0), end_time="12:00"),
        element(component("TIME", 10, step=0)),
    )
    # 10:00 to 11:00 and 11:00 to 13:00 in Berlin.
    assert totals(rate(rules, session(("charging", 60), ("charging", 120))))[0] == "12"


def test_a_period_after_a_change_of_the_clock_follows_the_new_time():
    at = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    periods = (
        ChargingPeriod("charging", at, at + HOUR),
        # 04:00 to 08:00 by the clock that went back in between.
        ChargingPeriod("charging", at + 2.5 * HOUR, at + 6.5 * HOUR),
    )
    priced = rate(NIGHT, Session(periods, "Europe/Berlin"))
    assert totals(priced)[0] == "23"
