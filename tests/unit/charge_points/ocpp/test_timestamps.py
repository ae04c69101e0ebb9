from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp.timestamps import format_utc, parse_time

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant", "quirk"),
    [
        ("2024-01-31T12:00:00Z", NOON, None),
        ("2024-01-31T12:00:00.000Z", NOON, None),
        ("2024-01-31T12:00:00.250Z", NOON.replace(microsecond=250_000), None),
        ("2024-01-31T12:00:00.123456Z", NOON.replace(microsecond=123_456), None),
        ("2024-01-31T14:00:00+02:00", NOON, None),
        ("2024-01-31T06:30:00-05:30", NOON, None),
        ("2024-01-31T12:00Z", NOON, None),
        ("2024-01-31T14:00:00+02", NOON, "time_short_zone"),
        ("2024-01-31T14:00:00+0200", NOON, "time_short_zone"),
        ("2024-01-31T12:00:00", NOON, "time_without_zone"),
        (
            "2024-01-31T12:00:00.5",
            NOON.replace(microsecond=500_000),
            "time_without_zone",
        ),
        ("2024-01-31 12:00:00Z", NOON, "time_separator"),
        ("2024-01-31t12:00:00Z", NOON, "time_separator"),
        ("2024-01-31T12:00:00z", NOON, "time_lower_case"),
        (
            "2024-01-31T12:00:00.123456789Z",
            NOON.replace(microsecond=123_456),
            "time_fraction_digits",
        ),
        ("2024-1-31T12:0:0Z", NOON, None),
        (" 2024-01-31T12:00:00Z ", NOON, "padded_value"),
        ("2024-01-31T23:59:60Z", datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC), None),
        ("1706702400", NOON, "time_as_number"),
        (1706702400, NOON, "time_as_number"),
        (1706702400000, NOON, "time_as_number"),
        (1706702400.5, NOON.replace(microsecond=500_000), "time_as_number"),
        (
            "1970-01-01T00:00:12Z",
            datetime(1970, 1, 1, 0, 0, 12, tzinfo=UTC),
            "clock_not_set",
        ),
        ("2000-01-01 00:00:00", datetime(2000, 1, 1, tzinfo=UTC), "clock_not_set"),
        ("", None, "time_unreadable"),
        ("yesterday", None, "time_unreadable"),
        ("2024-02-30T12:00:00Z", None, "time_unreadable"),
        ("2024-01-31T25:00:00Z", None, "time_unreadable"),
        ("2024-01-31T12:00:61Z", None, "time_unreadable"),
        ("2024-01-31T12:00:00+99:00", None, "time_unreadable"),
        ("2024-01-31T12:00:00+02:77", None, "time_unreadable"),
        ("9999-12-31T23:00:00-02:00", None, "time_unreadable"),
        ("x" * 10_000, None, "time_unreadable"),
        (None, None, "time_unreadable"),
        (True, None, "time_unreadable"),
        ([], None, "time_unreadable"),
        (12, None, "time_unreadable"),
    ],
)
def test_times_as_they_are_seen(text, instant, quirk):
    assert parse_time(text) == (instant, quirk)


@given(st.datetimes(min_value=datetime(2015, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
@settings(deadline=None)
def test_what_we_write_we_read_without_a_quirk(instant):
    written = format_utc(instant)
    assert written.endswith("Z")
    read, quirk = parse_time(written)
    assert quirk is None
    assert abs(read - instant) < timedelta(milliseconds=1)


@given(st.text() | st.integers() | st.floats(allow_nan=False))
@settings(deadline=None)
def test_no_value_raises(value):
    instant, quirk = parse_time(value)
    assert (instant is None) <= (quirk is not None)
    assert instant is None or instant.tzinfo is UTC


def test_format_is_utc_with_milliseconds():
    local = datetime(2024, 1, 31, 14, 0, 0, 1999, tzinfo=timezone(timedelta(hours=2)))
    assert format_utc(local) == "2024-01-31T12:00:00.001Z"


def test_a_time_without_a_zone_cannot_be_written():
    with pytest.raises(ValueError, match="zone"):
        format_utc(datetime(2024, 1, 31))  # noqa: DTZ001 - the mistake under test
