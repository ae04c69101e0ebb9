from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp.encoding import DEPTH_LIMIT, UnableToEncode, arrange, dump
from charge_points.ocpp.frames import encode_call, encode_result
from charge_points.ocpp.versions import V16, V201


def test_output_is_compact_utf8():
    assert dump({"a": ["ü", 1, True]}) == '{"a":["ü",1,true]}'.encode()


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (Decimal("8.1"), b"8.1"),
        (Decimal("8.10"), b"8.10"),
        (Decimal("0.1") + Decimal("0.2"), b"0.3"),
        (Decimal("1E+3"), b"1000"),
        (Decimal("1E-3"), b"0.001"),
        (Decimal("-12345678901234567890.123"), b"-12345678901234567890.123"),
    ],
)
def test_decimals_are_written_digit_by_digit(number, written):
    assert dump(number) == written


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-1e9, max_value=1e9
    )
)
@settings(deadline=None)
def test_a_written_decimal_reads_back_as_itself(number):
    assert Decimal(dump(number).decode()) == number


@pytest.mark.parametrize(
    "number",
    [
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+1000000"),
        Decimal(1).scaleb(-99),
    ],
)
def test_an_absurd_decimal_is_refused(number):
    with pytest.raises(UnableToEncode, match="number"):
        dump([number])


def test_times_are_written_in_utc_with_z():
    at = datetime(2024, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    assert dump(at) == b'"2024-01-31T10:00:00.000Z"'
    with pytest.raises(UnableToEncode, match="zone"):
        dump(datetime(2024, 1, 31))  # noqa: DTZ001 - the mistake under test


def test_what_is_no_json_is_refused_by_its_type():
    with pytest.raises(UnableToEncode, match="set"):
        dump({"a": {1}})
    with pytest.raises(UnableToEncode):
        dump({1: "a"})
    with pytest.raises(UnableToEncode):
        dump(2**70)


def test_none_is_dropped_at_every_depth():
    value = {"a": None, "b": [None, {"c": None, "d": 0}], "e": (None, "", False)}
    assert arrange(value) == {"b": [{"d": 0}], "e": ["", False]}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_would_become_null_is_refused(number):
    with pytest.raises(UnableToEncode, match="finite"):
        arrange({"a": [number]})


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_endless_nesting_is_refused(wrap):
    value = 1
    for _ in range(DEPTH_LIMIT):
        value = wrap(value)
    assert arrange(value) == value
    with pytest.raises(UnableToEncode, match="nested"):
        arrange(wrap(value))


class Status(StrEnum):
    ACCEPTED = "Accepted"


def test_an_answer_has_its_fields_in_schema_order():
    at = datetime(2024, 1, 31, tzinfo=UTC)
    answer = {"interval": 300, "currentTime": at, "status": Status.ACCEPTED}
    assert encode_result(V16, "a", "BootNotification", answer) == (
        b'[3,"a",{"status":"Accepted","currentTime":"2024-01-31T00:00:00.000Z",'
        b'"interval":300}]'
    )
    assert encode_result(V201, "a", "BootNotification", answer) == (
        b'[3,"a",{"currentTime":"2024-01-31T00:00:00.000Z","interval":300,'
        b'"status":"Accepted"}]'
    )


def test_order_reaches_into_arrays_and_objects_and_decimals_stay_exact():
    profile = {
        "chargingSchedule": {
            "chargingSchedulePeriod": [{"limit": Decimal("8.1"), "startPeriod": 0}],
            "chargingRateUnit": "A",
            "duration": None,
        },
        "chargingProfileId": 1,
    }
    written = encode_call(
        V16,
        "a",
        "SetChargingProfile",
        {"csChargingProfiles": profile, "connectorId": 1},
    )
    assert written == (
        b'[2,"a","SetChargingProfile",{"connectorId":1,"csChargingProfiles":'
        b'{"chargingProfileId":1,"chargingSchedule":{"chargingRateUnit":"A",'
        b'"chargingSchedulePeriod":[{"startPeriod":0,"limit":8.1}]}}}]'
    )


def test_fields_that_the_schema_does_not_know_follow_last():
    assert encode_result(
        V16, "a", "Authorize", {"zz": 1, "idTagInfo": {"status": "x"}}
    ) == (b'[3,"a",{"idTagInfo":{"status":"x"},"zz":1}]')
