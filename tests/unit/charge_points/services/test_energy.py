from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from charge_points.services.energy import Ends, Register, Span, settle

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPAN = Span(NOON, NOON + HOUR, 22_000)
wh = st.decimals(0, 10**7, places=3)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def register(start, *readings):
    made = Register(start_wh=None if start is None else Decimal(start))
    for minute, reading in enumerate(readings, start=1):
        made.advance(Decimal(reading), at(minute))
    return made


def stop(value):
    return Ends(stop_wh=None if value is None else Decimal(value))


def test_energy_is_the_difference_of_the_registers():
    done = settle(register(1000, 2000), stop(5000), SPAN)
    assert (done.energy_wh, done.estimated, done.review_reason) == (4000, False, "")


def test_without_a_stop_the_last_reading_counts():
    done = settle(register(1000, 2000, 3000), stop(None), SPAN)
    assert (done.energy_wh, done.estimated, done.review_reason) == (2000, True, "")


def test_begin_and_end_are_preferred_as_a_pair():
    ends = Ends(Decimal(5000), Decimal("1000.4"), Decimal("5000.9"))
    assert settle(register(1000), ends, SPAN).energy_wh == Decimal("4000.5")


@pytest.mark.parametrize(
    "ends",
    [
        Ends(Decimal(5000), begin_wh=Decimal(999)),
        Ends(Decimal(5000), end_wh=Decimal(9999)),
    ],
)
def test_one_of_the_pair_alone_does_not_replace_the_message(ends):
    assert settle(register(1000), ends, SPAN).energy_wh == 4000


def test_an_end_alone_stands_for_a_missing_stop():
    done = settle(register(1000), Ends(end_wh=Decimal(3000)), SPAN)
    assert (done.energy_wh, done.estimated) == (2000, False)


def test_two_registers_that_tell_different_stories_go_to_a_person():
    ends = Ends(Decimal(5000), Decimal(0), Decimal(500))
    done = settle(register(1000), ends, SPAN)
    assert (done.energy_wh, done.review_reason) == (500, "meter_disagreement")


def test_rounding_is_no_disagreement():
    ends = Ends(Decimal(5000), Decimal("1000.4"), Decimal("5060.9"))
    assert settle(register(1000), ends, SPAN).review_reason == ""


@pytest.mark.parametrize(
    ("start", "readings", "end", "reason"),
    [
        (None, [], None, "no_meter_values"),
        (1000, [], None, "no_meter_values"),
        (None, [], 1000, "meter_start_missing"),
        (5000, [], 1000, "meter_regression"),
        (1000, [3000], 2000, "meter_regression"),
        (5000, [6000, 100], 200, "meter_reset"),
        (1000, [], 90_000, "energy_jump"),
    ],
)
def test_what_is_not_plausible_goes_to_a_person(start, readings, end, reason):
    assert settle(register(start, *readings), stop(end), SPAN).review_reason == reason


def test_a_regression_never_bills_less_than_what_was_seen():
    assert settle(register(1000, 3000), stop(2000), SPAN).energy_wh == 2000


def test_a_reset_counts_all_rises():
    done = settle(register(5000, 6000, 100, 400), stop(900), SPAN)
    assert done.energy_wh == 1000 + 300 + 500


@pytest.mark.parametrize("end", ["2999.6", "2995"])
def test_a_stop_in_whole_wh_below_a_reading_with_decimals_is_no_fall(end):
    done = settle(register(1000, "2999.7"), stop(end), SPAN)
    assert (done.energy_wh, done.review_reason) == (Decimal(end) - 1000, "")


def test_a_stop_a_hair_below_the_start_is_nothing():
    done = settle(register("1000.7"), stop(1000), SPAN)
    assert (done.energy_wh, done.review_reason) == (0, "")


def test_a_placeholder_start_bills_from_the_first_reading():
    ends = Ends(Decimal(910_083), first=(at(1), Decimal(910_000)))
    done = settle(register(0, 910_000), ends, SPAN)
    assert (done.energy_wh, done.review_reason) == (83, "begin_placeholder")


def test_a_meter_that_really_starts_at_0_is_believed():
    ends = Ends(Decimal(9000), first=(at(1), Decimal(300)))
    done = settle(register(0, 300), ends, SPAN)
    assert (done.energy_wh, done.review_reason) == (9000, "")


def test_the_limit_of_plausibility_is_power_times_time_with_tolerance():
    most = SPAN.possible_wh()
    assert most == Decimal(22_000) * 75 / 60 * Decimal("1.2")
    assert settle(register(0), stop(most), SPAN).review_reason == ""
    assert settle(register(0), stop(most + 1), SPAN).review_reason == "energy_jump"


def test_an_unknown_power_is_taken_as_the_largest():
    span = Span(NOON, NOON + HOUR, 0)
    assert settle(register(0), stop(300_000), span).review_reason == ""


def test_a_span_that_runs_backwards_has_no_length():
    assert Span(NOON, NOON - HOUR, 22_000).possible_wh() == 22_000 * Decimal("0.3")


def test_readings_that_are_not_newer_are_not_taken():
    made = register(1000, 2000)
    assert not made.advance(Decimal(9999), at(1))
    assert made.last_wh == 2000


def test_the_first_reading_is_the_start_when_there_is_none():
    assert register(None, 700, 900).start_wh == 700


@given(st.lists(wh, min_size=1, max_size=20), wh)
def test_rising_registers_are_settled_exactly(rises, start):
    made, total = Register(start_wh=start), start
    for minute, rise in enumerate(rises):
        total += rise
        made.advance(total, at(minute))
    assert made.gain_wh == sum(rises)
    assert not made.regressed
    span = Span(NOON, NOON + HOUR, 2_000_000_000)
    done = settle(made, Ends(stop_wh=total), span)
    assert (done.energy_wh, done.review_reason) == (sum(rises), "")


@given(
    st.none() | wh,
    st.lists(wh, max_size=10),
    st.none() | wh,
    st.none() | wh,
    st.none() | wh,
)
def test_energy_is_never_negative_and_never_more_than_all_registers(
    start, readings, end, begin, last
):
    made = register(start, *readings)
    first = (at(1), readings[0]) if readings else None
    done = settle(made, Ends(end, begin, last, first), SPAN)
    assert done.energy_wh >= 0
    known = [v for v in (start, end, begin, last, *readings) if v is not None]
    assert done.energy_wh <= sum(known, Decimal(0))
