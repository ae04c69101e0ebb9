"""OCPP 2.0.1, block N (monitoring) and B09, through the real handlers."""

from decimal import Decimal

import pytest

from charge_points.models import (
    DeviceVariable,
    MonitoringReport,
    NetworkProfile,
    StationEvent,
    VariableMonitor,
)
from charge_points.services.masking import mask_payload
from cpms.outbox.models import EventRecord
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db

WHERE = {"component": {"name": "Heater"}, "variable": {"name": "Temperature"}}


@pytest.fixture
def station():
    return Station("2.0.1")


def set_monitors(station, *results, kind="UpperThreshold", value=70):
    data = [
        {**WHERE, "value": value, "type": kind, "severity": 3, "transaction": False}
        for _ in results
    ]
    told = [
        {**WHERE, "type": kind, "severity": 3, "status": "Accepted", "id": result}
        if isinstance(result, int)
        else {**WHERE, "type": kind, "severity": 3, "status": result}
        for result in results
    ]
    return station.answer(
        "SetVariableMonitoring",
        {"setMonitoringData": data},
        {"setMonitoringResult": told},
    )


def monitors(station):
    rows = VariableMonitor.objects.filter(charge_point_id=station.id, state="set")
    return {row.monitor_id: row.value for row in rows}


def test_accepted_monitors_are_kept_and_replaced_by_their_id_n04(station):
    assert set_monitors(station, 1, 2).accepted
    set_monitors(station, 1, value=Decimal("71.5"))

    assert monitors(station) == {1: Decimal("71.5"), 2: Decimal(70)}
    row = VariableMonitor.objects.get(monitor_id=1)
    assert (row.component, row.variable, row.kind, row.severity, row.is_custom) == (
        "Heater",
        "Temperature",
        "UpperThreshold",
        3,
        True,
    )


def test_one_refused_monitor_refuses_the_command_and_is_not_kept(station):
    outcome = set_monitors(station, 1, "UnknownVariable")

    assert not outcome.accepted
    assert "Heater.Temperature: UnknownVariable" in outcome.detail
    assert set(monitors(station)) == {1}


def test_cleared_and_unknown_monitors_are_gone_n06(station):
    set_monitors(station, 1, 2, 3)
    outcome = station.answer(
        "ClearVariableMonitoring",
        {"id": [1, 2, 3]},
        {
            "clearMonitoringResult": [
                {"id": 1, "status": "Accepted"},
                {"id": 2, "status": "NotFound"},
                {"id": 3, "status": "Rejected"},
            ]
        },
    )

    assert not outcome.accepted
    assert set(monitors(station)) == {3}


@pytest.mark.parametrize(
    ("base", "left"),
    [("All", {1}), ("FactoryDefault", set()), ("HardWiredOnly", set())],
)
def test_the_base_is_known_and_may_clear_custom_monitors_n03(station, base, left):
    set_monitors(station, 1)
    station.answer(
        "SetMonitoringBase", {"monitoringBase": base}, {"status": "Accepted"}
    )

    assert set(monitors(station)) == left
    row = DeviceVariable.objects.get(variable="ActiveMonitoringBase")
    assert row.value == base


def test_a_refused_base_changes_nothing(station):
    set_monitors(station, 1)
    outcome = station.answer(
        "SetMonitoringBase",
        {"monitoringBase": "HardWiredOnly"},
        {"status": "NotSupported"},
    )

    assert not outcome.accepted
    assert set(monitors(station)) == {1}
    assert not DeviceVariable.objects.exists()


@pytest.mark.parametrize(("word", "kept"), [("Accepted", ["4"]), ("Rejected", [])])
def test_the_level_is_known_when_it_was_accepted_n05(station, word, kept):
    station.answer("SetMonitoringLevel", {"severity": 4}, {"status": word})

    rows = DeviceVariable.objects.filter(variable="ActiveMonitoringLevel")
    assert [row.value for row in rows] == kept


def report(station, seq_no, *ids, tbc=False, request_id=5):
    told = {
        "requestId": request_id,
        "seqNo": seq_no,
        "tbc": tbc,
        "generatedAt": station.stamp,
    }
    if ids:
        told["monitor"] = [
            {
                **WHERE,
                "variableMonitoring": [
                    {
                        "id": key,
                        "transaction": True,
                        "value": 5,
                        "type": "Delta",
                        "severity": 8,
                    }
                    for key in ids
                ],
            }
        ]
    assert station.call("NotifyMonitoringReport", told) == {}


def ask(station, status="Accepted", **criteria):
    sent = {"requestId": 5, **criteria}
    return station.answer("GetMonitoringReport", sent, {"status": status})


def test_a_whole_report_in_parts_says_which_monitors_are_gone_n02(station):
    set_monitors(station, 1, 2)
    ask(station)
    report(station, 1, 3)
    assert set(monitors(station)) == {1, 2, 3}
    report(station, 0, 2, tbc=True)

    assert set(monitors(station)) == {2, 3}
    assert MonitoringReport.objects.get().completed_at is not None


def test_a_report_by_criteria_says_nothing_of_the_others(station):
    set_monitors(station, 1)
    ask(station, monitoringCriteria=["DeltaMonitoring"])
    report(station, 0, 2)

    assert set(monitors(station)) == {1, 2}


def test_an_empty_whole_report_means_no_monitors(station):
    set_monitors(station, 1)

    assert not ask(station, "EmptyResultSet").accepted
    assert monitors(station) == {}


def test_a_part_may_overtake_the_answer(station):
    set_monitors(station, 1)
    report(station, 0, 2)
    ask(station)

    assert set(monitors(station)) == {2}


def event(station, key=1, **more):
    return {
        **WHERE,
        "eventId": key,
        "timestamp": station.stamp,
        "trigger": "Alerting",
        "actualValue": "82.4",
        "eventNotificationType": "CustomMonitor",
        **more,
    }


def tell(station, *events):
    told = {"generatedAt": station.stamp, "seqNo": 0, "eventData": list(events)}
    assert station.call("NotifyEvent", told) == {}


def told(topic="StationEventRaised"):
    return [row.payload for row in EventRecord.objects.filter(topic=topic)]


def test_events_are_kept_with_their_monitors_severity_and_told_n07(station):
    set_monitors(station, 9)
    tell(
        station,
        event(station, variableMonitoringId=9, techCode="T1", transactionId="abc"),
        event(station, 2, cleared=True, cause=1),
    )

    first, second = StationEvent.objects.order_by("event_id")
    assert (first.severity, first.actual_value, first.tech_code) == (3, "82.4", "T1")
    assert (first.occurred_at, first.transaction_id) == (station.now, "abc")
    assert (second.is_cleared, second.cause, second.severity) == (True, 1, None)
    assert [(each["event_id"], each["severity"]) for each in told()] == [
        (1, 3),
        (2, None),
    ]


def test_a_repeated_event_is_kept_and_told_once(station):
    one = event(station)
    tell(station, one)
    tell(station, one)

    assert StationEvent.objects.count() == 1
    assert len(told()) == 1


def test_a_reading_without_alarm_is_kept_but_not_told(station):
    tell(station, event(station, trigger="Periodic"))

    assert StationEvent.objects.count() == 1
    assert told() == []


PROFILE = {
    "configurationSlot": 1,
    "connectionData": {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://csms.example/ocpp",
        "messageTimeout": 30,
        "securityProfile": 2,
        "ocppInterface": "Wireless0",
        "apn": {
            "apn": "internet",
            "apnUserName": "me",
            "apnPassword": "s3cret",
            "simPin": 1234,
            "apnAuthentication": "PAP",
        },
        "vpn": {
            "server": "vpn.example",
            "user": "me",
            "password": "s3cret",
            "key": "s3cret",
            "type": "IPSec",
        },
    },
}


def test_a_network_profile_is_kept_without_its_passwords_b09(station):
    assert station.answer("SetNetworkProfile", PROFILE, {"status": "Accepted"}).accepted

    row = NetworkProfile.objects.get(charge_point_id=station.id, slot=1)
    assert (row.csms_url, row.security_profile, row.apn, row.vpn_server) == (
        "wss://csms.example/ocpp",
        2,
        "internet",
        "vpn.example",
    )


@pytest.mark.parametrize("word", ["Rejected", "Failed"])
def test_a_refused_network_profile_is_not_kept(station, word):
    assert not station.answer("SetNetworkProfile", PROFILE, {"status": word}).accepted
    assert not NetworkProfile.objects.exists()


def test_no_password_of_a_network_profile_is_kept_in_commands_and_logs():
    kept = str(mask_payload("SetNetworkProfile", PROFILE))

    assert "s3cret" not in kept
    assert "1234" not in kept
    assert "wss://csms.example/ocpp" in kept
