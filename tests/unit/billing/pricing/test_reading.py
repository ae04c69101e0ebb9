"""Sessions from JSON: segments in local time, and CDRs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.pricing import (
    State,
    UnableToBuildSession,
    UnableToParseSession,
    session_from_cdr,
    session_from_segments,
)

SEGMENTS = {
    "start_local": "2024-10-27T02:30:00",
    "time_zone": "Europe/Berlin",
    "segments": [
        {
            "state": "charging",
            "minutes": "90.5",
            "energy_kwh": "20.25",
            "current_a": "16",
            "power_kw": 11,
        },
        {"state": "parking", "minutes": 42},
    ],
}

MINUTES = "segments[0].minutes"


def test_segments_follow_each_other_in_real_time():
    first, second = session_from_segments(SEGMENTS).periods
    # The first of the two times that the clock shows 02:30.
    assert first.starts_at == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert (
        first.ends_at == second.starts_at == first.starts_at + timedelta(minutes=90.5)
    )
    assert first.energy_wh == 20250
    assert (first.current_a, first.power_kw) == (16, 11)
    assert second.ends_at - second.starts_at == timedelta(minutes=42)
    assert (second.state, second.energy_wh) == (State.PARKING, 0)


def test_a_start_with_an_offset_is_that_instant():
    session = session_from_segments(SEGMENTS | {"start_local": "2024-06-03T08:00Z"})
    assert session.periods[0].starts_at == datetime(2024, 6, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start_local": None}, "start_local"),
        ({"start_local": "noon"}, "start_local"),
        ({"start_local": 12}, "start_local"),
        ({"time_zone": None}, "time_zone"),
        ({"segments": []}, "segments"),
        ({"segments": [{"minutes": 1}]}, "segments[0].state"),
        ({"segments": [{"state": "charging"}]}, MINUTES),
        ({"segments": [{"state": "asleep", "minutes": 1}]}, "segments[0].state"),
        ({"time_zone": "z" * 256}, "time_zone"),
        ({"segments": [{"state": "parking", "minutes": 1}] * 10_001}, "segments"),
        ({"segments": [{"state": "parking", "minutes": 527_041}]}, MINUTES),
        (
            {"segments": [{"state": "parking", "minutes": 1, "energy_kwh": 10**9 + 1}]},
            "segments[0].energy_kwh",
        ),
        (
            {"segments": [{"state": "parking", "minutes": 1, "energy_kwh": -1}]},
            "segments[0].energy_kwh",
        ),
    ],
)
def test_a_bad_field_of_a_segment_is_named(change, named):
    with pytest.raises(UnableToParseSession) as refusal:
        session_from_segments(SEGMENTS | change)
    assert refusal.value.path == named
    assert refusal.value.code == "session_invalid"


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(UnableToBuildSession):
        session_from_segments(SEGMENTS | {"time_zone": "Mars/Olympus"})


def _entry(minute, **volumes):
    return {
        "start_date_time": f"2024-06-03T08:{minute:02}:00Z",
        "dimensions": [{"type": t, "volume": v} for t, v in volumes.items()],
    }


def _cdr(*entries, end="2024-06-03T09:00:00Z"):
    return {"end_date_time": end, "charging_periods": list(entries)}


def _read(*entries):
    periods = session_from_cdr(_cdr(*entries), "Europe/Berlin").periods
    return [
        (p.state.value, (p.ends_at - p.starts_at).seconds // 60, p.energy_wh)
        for p in periods
    ]


def test_periods_of_a_cdr_last_until_the_next_one():
    assert _read(
        _entry(0, RESERVATION_TIME=0.25),
        _entry(15, ENERGY=5.5, TIME=0.5),
        _entry(45, PARKING_TIME=0.25, ENERGY=0.1),
    ) == [
        ("reserved", 15, 0),
        ("charging", 30, 5500),
        ("parking", 15, 100),
    ]


def test_a_period_that_states_no_time_was_charging():
    assert _read(_entry(0, ENERGY=5)) == [("charging", 60, 5000)]


def test_a_period_with_several_times_went_through_them_in_order():
    assert _read(_entry(0, ENERGY=5, TIME=0.5, PARKING_TIME=0.5)) == [
        ("charging", 30, 5000),
        ("parking", 30, 0),
    ]
    assert _read(_entry(0, ENERGY=5, TIME=2, PARKING_TIME=0.5)) == [
        ("charging", 60, 5000),
        ("parking", 0, 0),
    ]


def test_a_cdr_with_nothing_but_a_reservation_is_of_one_that_expired():
    assert _read(_entry(0, RESERVATION_TIME=0.5), _entry(30, RESERVATION_TIME=0.5)) == [
        ("reservation_expired", 30, 0),
        ("reservation_expired", 30, 0),
    ]
    assert _read(_entry(0, RESERVATION_TIME=0.5, TIME=0.5))[0] == ("reserved", 30, 0)


def test_load_is_read_for_charging_only():
    cdr = _cdr(
        _entry(0, TIME=0.5, MAX_CURRENT=16, MIN_CURRENT=10, MIN_POWER=7, ENERGY=3),
        _entry(30, PARKING_TIME=0.5, MAX_CURRENT=1, POWER=1),
    )
    charging, parking = session_from_cdr(cdr, "UTC").periods
    assert (charging.current_a, charging.power_kw) == (Decimal(16), Decimal(7))
    assert (parking.current_a, parking.power_kw) == (None, None)


@pytest.mark.parametrize(
    ("cdr", "named"),
    [
        ({"charging_periods": []}, "charging_periods"),
        ({"charging_periods": [_entry(0, TIME=1)]}, "end_date_time"),
        (
            _cdr({"dimensions": [{"type": "TIME", "volume": 1}]}),
            "charging_periods[0].start_date_time",
        ),
        (
            _cdr({"start_date_time": "2024-06-03T08:00:00Z", "dimensions": [{}]}),
            "charging_periods[0].dimensions[0].type",
        ),
        (
            _cdr(
                {
                    "start_date_time": "2024-06-03T08:00:00Z",
                    "dimensions": [{"type": "TIME"}],
                }
            ),
            "charging_periods[0].dimensions[0].volume",
        ),
        (
            _cdr(_entry(30, TIME=1), _entry(0, TIME=1)),
            "charging_periods[0].start_date_time",
        ),
    ],
)
def test_a_bad_field_of_a_cdr_is_named(cdr, named):
    with pytest.raises(UnableToParseSession) as refusal:
        session_from_cdr(cdr, "UTC")
    assert refusal.value.path == named


def test_the_longest_and_greatest_segment_is_taken_and_one_of_no_minutes():
    segments = [
        {"state": "charging", "minutes": 366 * 24 * 60, "energy_kwh": 10**9},
        {"state": "parking", "minutes": 0},
    ]
    longest, none = session_from_segments(SEGMENTS | {"segments": segments}).periods
    assert longest.ends_at - longest.starts_at == timedelta(days=366)
    assert longest.energy_wh == 10**12
    assert none.ends_at == none.starts_at == longest.ends_at


def test_a_period_may_end_when_it_starts():
    assert _read(_entry(0, ENERGY=5), _entry(0, ENERGY=1)) == [
        ("charging", 0, 5000),
        ("charging", 60, 1000),
    ]


def test_a_time_of_zero_is_none():
    assert _read(_entry(0, ENERGY=5, TIME=0, PARKING_TIME=0.5)) == [
        ("parking", 60, 5000)
    ]


@pytest.mark.parametrize(
    ("volumes", "named"),
    [
        ({"X" * 37: 1}, "type"),
        ({"ENERGY": 10**9 + 1}, "volume"),
        ({"ENERGY_EXPORT": -(10**9) - 1}, "volume"),
    ],
)
def test_a_dimension_has_a_longest_name_and_a_greatest_volume(volumes, named):
    with pytest.raises(UnableToParseSession) as refusal:
        session_from_cdr(_cdr(_entry(0, **volumes)), "UTC")
    assert refusal.value.path == f"charging_periods[0].dimensions[0].{named}"
