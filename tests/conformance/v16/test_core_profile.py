"""OCPP 1.6 core and remote trigger through the real handlers and services."""

import json
from decimal import Decimal

import pytest

from charge_points.models import (
    ChargePoint,
    Connector,
    DeviceVariable,
    MeterValue,
    SecurityEvent,
    Transaction,
)
from tests.conformance.charging import topics
from tests.conformance.stations import TABLES, Station
from tests.conformance.v16.wording import V16, meter_value, start, status, token

pytestmark = pytest.mark.django_db


def test_boot_is_accepted_and_kept(station):
    answer = station.call(
        "BootNotification",
        {
            "chargePointVendor": "Vendor",
            "chargePointModel": "Model",
            "chargeBoxSerialNumber": "B1",
            "firmwareVersion": "1.2",
        },
    )

    assert answer["status"] == "Accepted"
    assert answer["interval"] > 0
    assert answer["currentTime"].endswith("Z")
    assert station.registration == "Accepted"
    row = ChargePoint.objects.get(pk=station.id)
    assert (row.vendor, row.serial_number, row.firmware_version) == (
        "Vendor",
        "B1",
        "1.2",
    )


@pytest.mark.parametrize("word", ["pending", "rejected"])
def test_a_station_that_was_not_accepted_is_told_when_to_ask_again(station, word):
    ChargePoint.objects.filter(pk=station.id).update(registration=word)

    answer = station.call(
        "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}
    )

    assert answer["status"] == word.capitalize()
    assert answer["interval"] == 60


def test_heartbeat_touches_no_row(station, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = station.call("Heartbeat", {})

    assert answer["currentTime"].endswith("Z")


def test_statuses_become_the_connectors_state(station):
    status(station, "Available")
    status(station, "Faulted", connector=2, error="GroundFailure")
    status(station, "Available", connector=0)

    rows = Connector.objects.filter(charge_point_id=station.id)
    assert rows.get(evse_number=1).status == "available"
    broken = rows.get(evse_number=2)
    assert (broken.status, broken.error_code) == ("faulted", "GroundFailure")
    assert ChargePoint.objects.get(pk=station.id).status == "available"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "Accepted"),
        ({"status": "blocked"}, "Blocked"),
        ({"status": "expired"}, "Expired"),
        ({"account_state": "blocked"}, "Blocked"),
    ],
)
def test_authorize_says_what_the_policy_says(station, fields, word):
    answer = station.call("Authorize", {"idTag": token(station, **fields)})

    assert answer["idTagInfo"]["status"] == word


def test_an_expired_token_is_expired_and_tells_its_date(station):
    before = station.now
    station.later(10)
    answer = station.call("Authorize", {"idTag": token(station, expires_at=before)})

    assert answer["idTagInfo"]["status"] == "Expired"
    assert "expiryDate" in answer["idTagInfo"]


def test_a_group_is_the_parent_id_tag(station):
    answer = station.call("Authorize", {"idTag": token(station, group="FLEET")})

    assert answer["idTagInfo"]["parentIdTag"] == "FLEET"


def test_unknown_and_foreign_tokens_are_invalid(station):
    other = Station(V16, operator="other")
    foreign = token(other, "04FFFFFF")

    for value in ("NOBODY", foreign):
        answer = station.call("Authorize", {"idTag": value})
        assert answer["idTagInfo"]["status"] == "Invalid"


def test_a_charge_by_token_from_start_to_stop(station):
    tag = token(station)
    status(station, "Preparing")
    begun = start(station, tag)
    number = begun["transactionId"]
    for wh in (1500, 2500):
        station.later(60)
        station.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": number,
                "meterValue": [meter_value(station, wh)],
            },
        )
    station.later(60)
    ended = station.call(
        "StopTransaction",
        {
            "transactionId": number,
            "idTag": tag,
            "meterStop": 4000,
            "timestamp": station.stamp,
            "reason": "Local",
        },
    )

    assert begun["idTagInfo"]["status"] == "Accepted"
    assert ended["idTagInfo"]["status"] == "Accepted"
    row = Transaction.objects.get(ocpp_id=str(number))
    assert (row.state, row.energy_wh, row.stop_reason) == ("ended", 3000, "Local")
    assert MeterValue.objects.filter(transaction=row).count() >= 2
    assert "TransactionStarted" in topics()
    assert "TransactionEnded" in topics()


def test_a_repeated_start_gets_the_same_id(station):
    tag = token(station)
    first = start(station, tag)

    assert start(station, tag)["transactionId"] == first["transactionId"]
    assert Transaction.objects.count() == 1


def test_a_refused_start_closes_nothing(station):
    live = start(station, token(station))
    refused = start(station, "STRANGER", connector=1)

    assert refused["idTagInfo"]["status"] == "Invalid"
    assert refused["transactionId"] not in {0, live["transactionId"]}
    row = Transaction.objects.get(ocpp_id=str(live["transactionId"]))
    assert row.state == "active"


def test_another_stations_transaction_cannot_be_stopped(station):
    number = start(station, token(station))["transactionId"]
    thief = Station(V16)

    answer = thief.call(
        "StopTransaction",
        {"transactionId": number, "meterStop": 1, "timestamp": thief.stamp},
    )

    assert answer == {}
    assert Transaction.objects.get(ocpp_id=str(number)).state == "active"
    assert SecurityEvent.objects.filter(charge_point_id=thief.id).exists()


@pytest.mark.parametrize("number", [-1, 0, 123456])
def test_a_stop_for_nothing_is_answered_well(station, number):
    answer = station.call(
        "StopTransaction",
        {"transactionId": number, "meterStop": 5, "timestamp": station.stamp},
    )

    assert answer == {}


def test_energy_is_exact_whatever_the_unit(station):
    number = start(station, token(station), meter=0)["transactionId"]
    station.later(60)
    station.call(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [
                {
                    "timestamp": station.stamp,
                    "sampledValue": [{"value": "0.1234", "unit": "kWh"}],
                }
            ],
        },
    )

    row = Transaction.objects.get(ocpp_id=str(number))
    assert row.last_energy_wh == Decimal("123.4")


def test_intents_are_worded(station):
    arguments = {"evse": 1, "id_token": "A" * 20, "remote_start_id": 7}
    assert station.word("start", arguments) == (
        "RemoteStartTransaction",
        {"connectorId": 1, "idTag": "A" * 20},
    )
    assert station.word("stop", {"transaction_id": "42"})[1] == {"transactionId": 42}
    assert station.word("unlock", {"evse": 2})[1] == {"connectorId": 2}
    assert station.word("reset", {"kind": "immediate"})[1] == {"type": "Hard"}
    assert station.word("reset", {})[1] == {"type": "Soft"}
    action, payload = station.word("certificate_revoked", {"code": "abc"})
    assert action == "DataTransfer"
    assert json.loads(payload["data"]) == {"code": "abc"}
    with pytest.raises(Exception, match="no message"):
        station.word("sing", {})


def test_the_configuration_becomes_rows(station):
    outcome = station.answer(
        "GetConfiguration",
        {},
        {
            "configurationKey": [
                {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
                {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
            ],
            "unknownKey": ["Nonsense"],
        },
    )
    changed = station.answer(
        "ChangeConfiguration",
        {"key": "HeartbeatInterval", "value": "60"},
        {"status": "Accepted"},
    )
    refused = station.answer(
        "ChangeConfiguration",
        {"key": "NumberOfConnectors", "value": "9"},
        {"status": "Rejected"},
    )

    assert (outcome.accepted, changed.accepted, refused.accepted) == (True, True, False)
    values = dict(
        DeviceVariable.objects.filter(charge_point_id=station.id).values_list(
            "variable", "value"
        )
    )
    assert values == {"HeartbeatInterval": "60", "NumberOfConnectors": "2"}


@pytest.mark.parametrize(
    ("action", "sent", "answer", "accepted"),
    [
        (
            "RemoteStartTransaction",
            {"idTag": "A"},
            {"status": "Rejected"},
            False,
        ),
        ("Reset", {"type": "Soft"}, {"status": "Accepted"}, True),
        ("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}, True),
        ("UnlockConnector", {"connectorId": 1}, {"status": "UnlockFailed"}, False),
        (
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
            {"status": "Scheduled"},
            True,
        ),
        (
            "TriggerMessage",
            {"requestedMessage": "Heartbeat"},
            {"status": "NotImplemented"},
            False,
        ),
        ("DataTransfer", {"vendorId": "x"}, {"status": "Accepted", "data": "y"}, True),
    ],
)
def test_answers_mean_what_they_say(station, action, sent, answer, accepted):
    outcome = station.answer(action, sent, answer)

    assert outcome.accepted is accepted
    assert outcome.status == answer["status"]


def test_core_and_remote_trigger_are_whole():
    table = TABLES[V16]

    assert set(table.routes) >= {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "Heartbeat",
        "MeterValues",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
    assert set(table.outgoing) >= {
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "DataTransfer",
        "GetConfiguration",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "Reset",
        "TriggerMessage",
        "UnlockConnector",
    }
