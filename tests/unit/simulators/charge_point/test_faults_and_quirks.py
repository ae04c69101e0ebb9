import json

import pytest

from simulators.charge_point.faults import FaultPlan, step_names
from simulators.charge_point.quirks import QUIRKS, QuirkSet
from simulators.errors import UnableToUnderstand

STATUS = [
    2,
    "id",
    "StatusNotification",
    {"connectorId": 1, "timestamp": "2030-01-01T00:00:00.000Z", "info": "x"},
]
METER = [
    2,
    "id",
    "MeterValues",
    {"transactionId": 5, "v": [{"value": "1.5", "unit": "Wh"}, {"value": "2"}]},
]


def test_a_fault_happens_as_often_as_planned():
    plan = FaultPlan(["drop-after:StartTransaction:2"])

    names = step_names("StartTransaction", {})
    assert [plan.take("drop-after", names) for _ in range(3)] == [True, True, False]


def test_a_fault_knows_the_words_of_both_versions():
    plan = FaultPlan(["lose:stop", "lose:stop"])

    assert plan.take("lose", step_names("StopTransaction", {}))
    assert plan.take("lose", step_names("TransactionEvent", {"eventType": "Ended"}))


def test_a_fault_for_an_action_also_serves_the_neutral_word():
    plan = FaultPlan(["late:StopTransaction"])

    assert plan.take("late", ["stop"])


def test_a_fault_may_name_a_detail():
    plan = FaultPlan(["drop-before:StatusNotification.Charging"])

    available = step_names("StatusNotification", {"status": "Available"})
    charging = step_names("StatusNotification", {"status": "Charging"})
    assert not plan.take("drop-before", available)
    assert not plan.take("duplicate", charging)
    assert plan.take("drop-before", charging)


def test_a_step_without_a_payload_has_its_action_only():
    assert step_names("Heartbeat", None) == ("Heartbeat",)


@pytest.mark.parametrize("spec", ["drop", "drop-after", "explode:start", "lose:a:x"])
def test_a_fault_that_makes_no_sense_is_refused_with_the_way_to_write_it(spec):
    with pytest.raises(UnableToUnderstand, match="kind:step"):
        FaultPlan([spec])


@pytest.mark.parametrize(
    ("name", "frame", "expected"),
    [
        ("time-without-zone", STATUS, '"2030-01-01T00:00:00.000"'),
        ("time-with-space", STATUS, '"2030-01-01 00:00:00.000Z"'),
        ("time-short-offset", STATUS, '"2030-01-01T00:00:00.000+00"'),
        ("time-nine-digits", STATUS, '"2030-01-01T00:00:00.000000000Z"'),
        ("time-1970", STATUS, '"1970-01-01T00:00:00.000Z"'),
        ("null-info", STATUS, '"info": null'),
        ("wrong-error-code", STATUS, '"errorCode": "Error"'),
        ("same-message-id", STATUS, '[2, "1", "StatusNotification"'),
        ("zero-transaction", METER, '"transactionId": 0'),
        ("samples-as-numbers", METER, '"value": 1.5'),
        ("decimal-comma", METER, '"value": "1,5"'),
        ("kwh-as-wh", METER, '"unit": "kWh"'),
        ("empty-boot-strings", [2, "i", "BootNotification", {}], '"iccid": ""'),
        ("minus-one-stop", [2, "i", "StopTransaction", {}], '"meterStop": -1'),
    ],
)
def test_a_quirk_rewrites_the_frame(name, frame, expected):
    assert expected in json.dumps(QuirkSet([name]).apply(frame))


@pytest.mark.parametrize("name", [name for name in QUIRKS if name != "same-message-id"])
def test_a_quirk_leaves_other_messages_alone(name):
    other = [2, "id", "Authorize", {"idTag": "T"}]

    assert QuirkSet([name]).apply(other) == other


def test_an_unknown_quirk_is_refused_with_the_list():
    with pytest.raises(UnableToUnderstand, match="time-1970"):
        QuirkSet(["nonsense"])
