from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp.errors import VALID_CODES
from charge_points.ocpp.schemas import (
    MESSAGE_SETS,
    call_schema,
    check_incoming_action,
    validate_call,
    validate_result,
)
from charge_points.ocpp.versions import V16, V201, VERSIONS

START = {
    "connectorId": 1,
    "idTag": "A",
    "meterStart": 0,
    "timestamp": "2024-01-31T12:00:00Z",
}
STATUS_201 = {
    "timestamp": "2024-01-31T12:00:00Z",
    "connectorStatus": "Available",
    "evseId": 1,
    "connectorId": 1,
}


def without(payload, name):
    return {key: value for key, value in payload.items() if key != name}


@pytest.mark.parametrize(
    ("payload", "code", "path", "description"),
    [
        (
            without(START, "idTag"),
            "ProtocolError",
            "",
            "payload: the field 'idTag' is missing",
        ),
        ({**START, "x": 1}, "FormationViolation", "", "payload: unexpected field 'x'"),
        (
            {**START, "connectorId": "1"},
            "TypeConstraintViolation",
            "connectorId",
            "connectorId: must be integer, is string",
        ),
        (
            {**START, "connectorId": None},
            "TypeConstraintViolation",
            "connectorId",
            "connectorId: must be integer, is null",
        ),
        (
            {**START, "connectorId": Decimal("1.5")},
            "TypeConstraintViolation",
            "connectorId",
            "connectorId: must be integer, is number",
        ),
        (
            {**START, "idTag": "x" * 21},
            "PropertyConstraintViolation",
            "idTag",
            "idTag: violates maxLength 20",
        ),
        ([], "TypeConstraintViolation", "", "payload: must be object, is array"),
    ],
)
def test_a_1_6_violation_says_what_and_where(payload, code, path, description):
    violation = validate_call(V16, "StartTransaction", payload)
    assert (violation.code, violation.path) == (code, path)
    assert violation.description == description


@pytest.mark.parametrize(
    ("payload", "code", "path"),
    [
        (without(STATUS_201, "evseId"), "OccurrenceConstraintViolation", ""),
        ({**STATUS_201, "x": 1}, "FormatViolation", ""),
        ({**STATUS_201, "evseId": "1"}, "TypeConstraintViolation", "evseId"),
        (
            {**STATUS_201, "connectorStatus": "?"},
            "PropertyConstraintViolation",
            "connectorStatus",
        ),
    ],
)
def test_a_2_0_1_violation_has_the_code_of_2_0_1(payload, code, path):
    violation = validate_call(V201, "StatusNotification", payload)
    assert (violation.code, violation.path) == (code, path)


def test_too_few_and_too_many_items_violate_the_occurrence_constraint():
    meter = {"connectorId": 1, "meterValue": []}
    violation = validate_call(V16, "MeterValues", meter)
    assert violation.code == "OccurenceConstraintViolation"
    assert violation.path == "meterValue"
    hashes = [
        {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "a",
            "issuerKeyHash": "b",
            "serialNumber": "c",
            "responderURL": "http://x",
        }
    ]
    authorize = {"idToken": {"idToken": "a", "type": "eMAID"}}
    authorize["iso15118CertificateHashData"] = hashes * 5
    violation = validate_call(V201, "Authorize", authorize)
    assert violation.code == "OccurrenceConstraintViolation"


def test_the_path_reaches_into_arrays():
    meter = {
        "connectorId": 1,
        "meterValue": [{"timestamp": "", "sampledValue": [{"value": 1}]}],
    }
    violation = validate_call(V16, "MeterValues", meter)
    assert violation.path == "meterValue/0/sampledValue/0/value"


def test_the_description_never_repeats_a_value_and_stays_short():
    secret = "s3cret" * 200
    violation = validate_call(V16, "StartTransaction", {**START, "idTag": secret})
    assert "s3cret" not in violation.description
    many = {**START, **{f"{name}" * 60: 1 for name in "abcdefgh"}}
    assert len(validate_call(V16, "StartTransaction", many).description) <= 255


def test_times_are_left_to_the_tolerant_parser():
    for text in ("2024-01-31 12:00", "", "yesterday"):
        assert (
            validate_call(V16, "StartTransaction", {**START, "timestamp": text}) is None
        )


@pytest.mark.parametrize("unit", ["Celcius", "Celsius"])
def test_both_spellings_of_celsius_are_valid(unit):
    sample = {"value": "21", "measurand": "Temperature", "unit": unit}
    meter = {
        "connectorId": 1,
        "meterValue": [{"timestamp": "", "sampledValue": [sample]}],
    }
    assert validate_call(V16, "MeterValues", meter) is None


def profile(limit):
    return {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        },
    }


@given(st.integers(0, 10**6))
@settings(deadline=None)
def test_every_tenth_is_a_multiple_of_a_tenth(tenths):
    for limit in (tenths / 10, Decimal(tenths) / 10):
        assert validate_call(V16, "SetChargingProfile", profile(limit)) is None


@pytest.mark.parametrize("limit", [8.11, Decimal("8.11"), 0.05])
def test_a_hundredth_is_not(limit):
    violation = validate_call(V16, "SetChargingProfile", profile(limit))
    assert violation.code == "PropertyConstraintViolation"
    assert violation.description.endswith("violates multipleOf 0.1")


@pytest.mark.parametrize("version", VERSIONS)
def test_an_action_of_no_such_name_is_not_implemented(version):
    for violation in (
        check_incoming_action(version, "Fly"),
        validate_call(version, "Fly", {}),
        validate_result(version, "Fly", {}),
    ):
        assert (violation.code, violation.keyword) == ("NotImplemented", "action")
        assert "'Fly'" in violation.description


@pytest.mark.parametrize("version", VERSIONS)
def test_an_action_that_only_the_csms_calls_is_not_supported(version):
    for action in MESSAGE_SETS[version].outgoing - MESSAGE_SETS[version].incoming:
        assert check_incoming_action(version, action).code == "NotSupported"
    for action in MESSAGE_SETS[version].incoming:
        assert check_incoming_action(version, action) is None


def test_an_action_of_the_other_version_is_not_implemented():
    assert check_incoming_action(V16, "TransactionEvent").code == "NotImplemented"
    assert check_incoming_action(V201, "StartTransaction").code == "NotImplemented"


def test_results_have_their_own_schemas():
    assert (
        validate_result(V16, "Authorize", {"idTagInfo": {"status": "Accepted"}}) is None
    )
    assert validate_result(V16, "Authorize", {}).code == "ProtocolError"


def test_a_valid_payload_has_no_first_fault():
    with pytest.raises(ValueError, match="valid"):
        call_schema(V16, "Heartbeat").first_fault({})


def test_a_schema_is_compiled_once():
    assert call_schema(V16, "Heartbeat") is call_schema(V16, "Heartbeat")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["connectorId", "meterValue", "evse", "x"]), inner
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("version", VERSIONS)
@given(payload=ANYTHING, data=st.data())
@settings(deadline=None)
def test_whatever_is_refused_gets_a_code_of_the_version(version, payload, data):
    action = data.draw(st.sampled_from(sorted(MESSAGE_SETS[version].by_action)))
    violation = validate_call(version, action, payload)
    assert violation is None or violation.code in VALID_CODES[version]
