"""Each quirk: what a station sends, and what is made of it."""

import copy
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp.quirks import QUIRKS, tolerate, tolerate_result
from charge_points.ocpp.repairs import FAULTS_LIMIT, KEPT_TEXT_CHARS, VALUES_LIMIT
from charge_points.ocpp.schemas import (
    MESSAGE_SETS,
    call_schema,
    validate_call,
    validate_result,
)
from charge_points.ocpp.versions import V16, V201, VERSIONS
from tests.unit.charge_points.ocpp.payloads import payloads

AT = "2024-01-31T12:00:00Z"
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
BOOT_201 = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
START = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": AT}
STOP = {"transactionId": 7, "meterStop": 10, "timestamp": AT}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
EVENT = {
    "eventType": "Started",
    "timestamp": AT,
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "t"},
}
GOOD_SAMPLE = {"value": "1"}
SIGNED = {"signedMeterData": "x", "signingMethod": "", "encodingMethod": "OCMF"}


def meter(*samples):
    return {
        "connectorId": 1,
        "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}],
    }


def meter_201(*samples):
    return {
        "evseId": 1,
        "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}],
    }


def tolerated(version, action, payload):
    violation = validate_call(version, action, payload)
    assert violation is not None, "the case must fail strict validation"
    before = copy.deepcopy(payload)
    repaired = tolerate(version, action, payload, violation)
    assert payload == before, "the original is kept"
    return repaired


B, S, T, N, M, E, D = (
    "BootNotification",
    "StartTransaction",
    "StopTransaction",
    "StatusNotification",
    "MeterValues",
    "TransactionEvent",
    "DataTransfer",
)

CASES = [
    ("null_payload", V16, "Heartbeat", None, {}),
    ("null_field", V16, B, {**BOOT, "iccid": None}, BOOT),
    ("null_field", V201, E, {**EVENT, "evse": None}, EVENT),
    ("null_field", V16, M, meter(None, GOOD_SAMPLE), meter(GOOD_SAMPLE)),
    ("null_field", V16, M, meter({"value": "1", "unit": None}), meter(GOOD_SAMPLE)),
    ("empty_field", V16, M, meter({"value": "1", "phase": ""}), meter(GOOD_SAMPLE)),
    ("empty_field", V16, T, {**STOP, "reason": " "}, STOP),
    ("empty_field", V201, E, {**EVENT, "meterValue": []}, EVENT),
    ("empty_field", V16, S, {**START, "reservationId": ""}, START),
    ("empty_field", V16, M, {"connectorId": 1, "meterValue": []},
     {"connectorId": 1, "meterValue": []}),
    ("empty_field", V16, M, {"connectorId": 1}, {"connectorId": 1, "meterValue": []}),
    ("empty_field", V16, M, meter(), {"connectorId": 1, "meterValue": []}),
    ("empty_vendor_or_model", V16, B, {**BOOT, "chargePointVendor": None},
     {**BOOT, "chargePointVendor": ""}),
    ("empty_vendor_or_model", V16, B, {"chargePointVendor": "V"},
     {**BOOT, "chargePointModel": ""}),
    ("empty_vendor_or_model", V201, B,
     {"reason": "PowerUp", "chargingStation": {"model": "M"}},
     {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": ""}}),
    ("number_as_string", V16, S, {**START, "idTag": 42}, {**START, "idTag": "42"}),
    ("number_as_string", V16, M, meter({"value": 12.5}), meter({"value": "12.5"})),
    ("number_as_string", V16, M, meter({"value": 1e-7}), meter({"value": "0.0000001"})),
    ("string_as_number", V16, S, {**START, "connectorId": "1"}, START),
    ("string_as_number", V201, M, meter_201({"value": "12.5"}),
     meter_201({"value": 12.5})),
    ("string_as_number", V201, M, meter_201({"value": "12"}), meter_201({"value": 12})),
    ("fraction_in_integer", V16, T, {**STOP, "meterStop": 10.7}, STOP),
    ("fraction_in_integer", V16, T, {**STOP, "meterStop": 10.0}, STOP),
    ("fraction_in_integer", V16, T, {**STOP, "meterStop": "10.7"}, STOP),
    ("boolean_as_other", V201, E, {**EVENT, "offline": "true"},
     {**EVENT, "offline": True}),
    ("boolean_as_other", V201, E, {**EVENT, "offline": 0},
     {**EVENT, "offline": False}),
    ("object_for_string", V16, D, {"vendorId": "v", "data": {"a": [1]}},
     {"vendorId": "v", "data": '{"a":[1]}'}),
    ("object_for_array", V16, M,
     {"connectorId": 1, "meterValue": {"timestamp": AT, "sampledValue": GOOD_SAMPLE}},
     meter(GOOD_SAMPLE)),
    ("padded_value", V16, S, {**START, "connectorId": " 1"}, START),
    ("padded_value", V16, S, {**START, "idTag": "A" + " " * 20}, START),
    ("padded_value", V16, N, {**STATUS, "status": "Available "}, STATUS),
    ("decimal_comma", V201, M, meter_201({"value": "12,5"}),
     meter_201({"value": 12.5})),
    ("bad_optional_value", V16, S, {**START, "reservationId": [1]}, START),
    ("bad_optional_value", V201, "NotifyEVChargingNeeds",
     {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC",
      "dcChargingParameters": {"evMaxCurrent": 1, "evMaxVoltage": 1, "fullSoC": 150}}},
     {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC",
      "dcChargingParameters": {"evMaxCurrent": 1, "evMaxVoltage": 1}}}),
    ("enum_spelling", V16, N, {**STATUS, "status": "AVAILABLE"}, STATUS),
    ("enum_spelling", V16, M, meter({"value": "1", "unit": "KWH"}),
     meter({"value": "1", "unit": "kWh"})),
    ("unknown_enum_value", V16, T, {**STOP, "reason": "Bored"},
     {**STOP, "reason": "Other"}),
    ("unknown_enum_value", V201, E, {**EVENT, "triggerReason": "Bored"},
     {**EVENT, "triggerReason": "AbnormalCondition"}),
    ("unknown_enum_value", V201, B, {**BOOT_201, "reason": "Bored"},
     {**BOOT_201, "reason": "Unknown"}),
    ("unknown_enum_value", V201, E,
     {**EVENT, "transactionInfo": {"transactionId": "t", "chargingState": "Bored"}},
     EVENT),
    ("unknown_error_code", V16, N, {**STATUS, "errorCode": "Error"},
     {**STATUS, "errorCode": "OtherError"}),
    ("error_code_missing", V16, N, {"connectorId": 1, "status": "Available"}, STATUS),
    ("error_code_missing", V16, N, {**STATUS, "errorCode": None}, STATUS),
    ("foreign_field", V16, S, {**START, "customData": {"vendorId": "x"}}, START),
    ("foreign_field", V16, S, {**START, "evse": {"id": 1}, "seqNo": 4}, START),
    ("foreign_field", V201, E, {**EVENT, "meterStart": 0}, EVENT),
    ("foreign_field", V201, M, meter_201({"value": 1, "unit": "kWh"}),
     meter_201({"value": 1, "unitOfMeasure": {"unit": "kWh"}})),
    ("foreign_field", V16, M, meter({"value": "1", "unitOfMeasure": {"unit": "kWh"}}),
     meter({"value": "1", "unit": "kWh"})),
    ("foreign_field", V16, M, meter({"value": "1", "unit": "Wh", "unitOfMeasure": {}}),
     meter({"value": "1", "unit": "Wh"})),
    ("string_too_long", V16, B, {**BOOT, "chargePointSerialNumber": "x" * 33},
     {**BOOT, "chargePointSerialNumber": "x" * 33}),
    ("string_too_long", V16, B, {**BOOT, "chargeBoxSerialNumber": "x" * 26},
     {**BOOT, "chargeBoxSerialNumber": "x" * 26}),
    ("string_too_long", V16, B, {**BOOT, "chargePointVendor": "x" * 9000},
     {**BOOT, "chargePointVendor": "x" * KEPT_TEXT_CHARS}),
    ("string_too_long", V201, M,
     meter_201({"value": 1, "signedMeterValue": {**SIGNED, "publicKey": "k" * 4000}}),
     meter_201({"value": 1, "signedMeterValue": {**SIGNED, "publicKey": "k" * 4000}})),
    ("id_tag_too_long", V16, S, {**START, "idTag": "0" * 21},
     {**START, "idTag": "0" * 21}),
    ("id_tag_missing", V16, S, {**START, "idTag": None}, {**START, "idTag": ""}),
    ("id_tag_missing", V16, S, {**START, "idTag": True}, {**START, "idTag": ""}),
    ("id_tag_missing", V16, S, {**START, "idTag": {"a": 1}}, {**START, "idTag": ""}),
    ("transaction_id_null", V16, T, {**STOP, "transactionId": "?"},
     {**STOP, "transactionId": -1}),
    ("transaction_id_null", V16, T, {**STOP, "transactionId": None},
     {**STOP, "transactionId": -1}),
    ("transaction_id_null", V16, M, {**meter(GOOD_SAMPLE), "transactionId": None},
     meter(GOOD_SAMPLE)),
    ("time_missing", V16, T, {**STOP, "timestamp": None}, {**STOP, "timestamp": ""}),
    ("time_missing", V16, M,
     {"connectorId": 1, "meterValue": [{"sampledValue": [GOOD_SAMPLE]}]},
     {"connectorId": 1,
      "meterValue": [{"timestamp": "", "sampledValue": [GOOD_SAMPLE]}]}),
    ("meter_stop_missing", V16, T, {"transactionId": 7, "timestamp": AT},
     {**STOP, "meterStop": -1}),
    ("meter_stop_missing", V16, T, {**STOP, "meterStop": ""},
     {**STOP, "meterStop": -1}),
    ("unit_alias", V16, M, meter({"value": "50", "unit": "Hz"}),
     meter({"value": "50", "unit": "Hertz"})),
    ("unit_alias", V16, M, meter({"value": "50", "unit": "%"}),
     meter({"value": "50", "unit": "Percent"})),
    ("unit_alias", V16, T,
     {**STOP, "transactionData": meter({"value": "5", "unit": "Hertz"})["meterValue"]},
     {**STOP, "transactionData": meter({"value": "5", "unit": "Hertz"})["meterValue"]}),
    ("unknown_context", V16, M, meter({"value": "9", "context": "X"}, GOOD_SAMPLE),
     meter(GOOD_SAMPLE)),
    ("unknown_measurand", V201, M,
     meter_201({"value": 9, "measurand": "X"}, {"value": 1}),
     meter_201({"value": 1})),
    ("unknown_sample_field", V16, M,
     meter({"value": "9", "location": "Moon"}, GOOD_SAMPLE),
     meter(GOOD_SAMPLE)),
    ("unknown_unit", V16, M, meter({"value": "9", "unit": "mile"}, GOOD_SAMPLE),
     meter(GOOD_SAMPLE)),
    ("sample_without_value", V16, M, meter({"unit": "Wh"}, GOOD_SAMPLE),
     meter(GOOD_SAMPLE)),
    ("unreadable_number", V201, M, meter_201({"value": "?"}, {"value": 1}),
     meter_201({"value": 1})),
    ("signed_field_missing", V201, M,
     meter_201({"value": 1, "signedMeterValue": SIGNED}),
     meter_201({"value": 1, "signedMeterValue": {**SIGNED, "publicKey": ""}})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "version", "action", "payload", "expected"),
    CASES,
    ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)],
)
def test_a_quirk_is_repaired_and_named(name, version, action, payload, expected):
    repaired, names = tolerated(version, action, payload)
    assert repaired == expected
    assert name in names
    assert len(names) == len(set(names))
    assert set(names) <= set(QUIRKS)
    assert all(version in QUIRKS[found].versions for found in names)


def test_every_quirk_has_a_description_and_a_test():
    tests = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    for name, quirk in QUIRKS.items():
        assert quirk.name == name
        assert quirk.description
        assert set(quirk.versions) <= set(VERSIONS)
        assert f'"{name}"' in tests, f"no test speaks of {name}"


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (V16, "Heartbeat", []),
        (V16, "Fly", {}),
        (V16, S, {**START, "noSuchField": 1}),
        (V16, S, {**START, "connectorId": "one"}),
        (V16, S, {**START, "connectorId": True}),
        (V16, S, {**START, "meterStart": None}),
        (V16, S, {"idTag": "A", "meterStart": 0, "timestamp": AT}),
        (V16, N, {**STATUS, "status": "Bored"}),
        (V16, N, {**STATUS, "status": ""}),
        (V16, M, meter({"value": "1", "noSuchField": 1})),
        (V16, D, {"data": "x"}),
        (V201, E, {**EVENT, "eventType": "Bored"}),
        (V201, E, {**EVENT, "transactionInfo": None}),
        (V201, E, {**EVENT, "transactionInfo": []}),
        (V201, "Authorize", {"idToken": {"idToken": "a", "type": "X"}}),
        (V201, "NotifyEvent", {"generatedAt": AT, "seqNo": 0, "eventData": []}),
    ],
)
def test_what_no_quirk_explains_stays_refused(version, action, payload):
    assert tolerated(version, action, payload) is None


def test_several_quirks_in_one_message_are_all_repaired():
    repaired, names = tolerated(
        V16,
        M,
        {
            "connectorId": "1",
            "transactionId": None,
            "evseId": 1,
            "meterValue": [
                {"timestamp": None, "sampledValue": [{"value": 7, "unit": "wh"}]},
                {"timestamp": AT, "sampledValue": [{"value": "1", "context": "X"}]},
                None,
            ],
        },
    )
    assert repaired == {
        "connectorId": 1,
        "meterValue": [
            {"timestamp": "", "sampledValue": [{"value": "7", "unit": "Wh"}]}
        ],
    }
    assert set(names) == {
        "string_as_number",
        "transaction_id_null",
        "foreign_field",
        "time_missing",
        "number_as_string",
        "enum_spelling",
        "unknown_context",
        "empty_field",
        "null_field",
    }


def test_a_unit_that_cannot_be_translated_drops_the_sample():
    multiplied = {"value": "1", "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}
    repaired, names = tolerated(V16, M, meter(multiplied, GOOD_SAMPLE))
    assert repaired == meter(GOOD_SAMPLE)
    assert names == ["foreign_field", "unknown_unit"]


def test_a_result_is_repaired_like_a_call():
    payload = {
        "status": "accepted",
        "connectorId": None,
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.123}],
        },
    }
    violation = validate_result(V16, "GetCompositeSchedule", payload)
    repaired, names = tolerate_result(V16, "GetCompositeSchedule", payload, violation)
    assert repaired == {
        "status": "Accepted",
        "chargingSchedule": payload["chargingSchedule"],
    }
    assert set(names) == {"enum_spelling", "null_field", "too_many_decimals"}


def test_a_long_text_in_a_list_is_cut():
    payload = {"unknownKey": ["x" * 51]}
    violation = validate_result(V16, "GetConfiguration", payload)
    repaired, names = tolerate_result(V16, "GetConfiguration", payload, violation)
    assert repaired == {"unknownKey": ["x" * 50]}
    assert names == ["string_too_long"]


def test_the_result_of_an_unknown_action_stays_refused():
    violation = validate_result(V16, "Fly", {})
    assert tolerate_result(V16, "Fly", {}, violation) is None


def test_several_faults_of_one_sample_drop_it_once():
    bad = {"value": "9", "context": "X", "location": "Moon", "customData": {}}
    repaired, names = tolerated(V16, M, meter(bad, GOOD_SAMPLE))
    assert repaired == meter(GOOD_SAMPLE)
    assert names == ["unknown_context"]


def schedule(amount):
    """A message of five layers, each of which shows its fault only when mended."""
    cost = {"costKind": "CarbonDioxideEmission", "amount": amount}
    entry = {
        "relativeTimeInterval": {"start": 0},
        "consumptionCost": {"startValue": 1, "cost": cost},
    }
    return {
        "chargingLimit": {"chargingLimitSource": "EMS"},
        "chargingSchedule": {
            "id": 1,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}],
            "salesTariff": {"id": 1, "salesTariffEntry": entry},
        },
    }


def test_faults_below_the_last_round_stay_refused():
    assert tolerated(V201, "NotifyChargingLimit", schedule(amount="5")) is None


def test_a_flood_of_faults_is_refused_and_not_repaired():
    bad = [{}] * FAULTS_LIMIT
    assert tolerated(V16, M, meter(GOOD_SAMPLE, *bad))[0] == meter(GOOD_SAMPLE)
    assert tolerated(V16, M, meter(GOOD_SAMPLE, {}, *bad)) is None


def test_a_flood_of_values_is_refused_before_its_faults_are_looked_for():
    values = {str(number): 0 for number in range(VALUES_LIMIT)}
    assert tolerated(V201, M, {**meter_201(), "customData": values}) is None
    assert tolerated(V16, M, meter(*[{}] * VALUES_LIMIT)) is None


DAMAGE = st.sampled_from(
    [None, "", " 5 ", "5,5", 7, 7.5, True, [], {}, [None], "x" * 600]
)


@pytest.mark.parametrize("version", VERSIONS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_repaired_is_valid_but_for_what_is_kept(version, data):
    action = data.draw(st.sampled_from(sorted(MESSAGE_SETS[version].incoming)))
    document = call_schema(version, action).document
    payload = data.draw(payloads(document))
    names = list(document["properties"]) or ["customData"]
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
        payload[name] = data.draw(DAMAGE)
    violation = validate_call(version, action, payload)
    if violation is None:
        return
    before = copy.deepcopy(payload)
    repaired = tolerate(version, action, payload, violation)
    assert payload == before
    if repaired is not None:
        mended, found = repaired
        assert found
        left = validate_call(version, action, mended)
        assert left is None or left.keyword in {"maxLength", "minItems"}
