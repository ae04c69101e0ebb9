"""OCPP 2.0.1 through the real handlers and services, by functional block."""

from decimal import Decimal

import pytest

from charge_points.models import (
    ChargePoint,
    Connector,
    DeviceVariable,
    SecurityEvent,
    Transaction,
)
from tests.conformance.charging import topics
from tests.conformance.stations import TABLES
from tests.conformance.v201.wording import V201, Charge, status, token

pytestmark = pytest.mark.django_db


def test_boot_b01(station):
    answer = station.call(
        "BootNotification",
        {
            "reason": "PowerUp",
            "chargingStation": {
                "vendorName": "Vendor",
                "model": "Model",
                "serialNumber": "S1",
                "firmwareVersion": "2",
                "modem": {"iccid": "89", "imsi": "26"},
            },
        },
    )

    assert answer["status"] == "Accepted"
    row = ChargePoint.objects.get(pk=station.id)
    assert (row.serial_number, row.boot_reason, row.iccid) == ("S1", "PowerUp", "89")


def test_heartbeat_g02(station, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert station.call("Heartbeat", {})["currentTime"].endswith("Z")


def test_status_g01(station):
    status(station, "Occupied")
    status(station, "Unavailable", evse=2)

    rows = Connector.objects.filter(charge_point_id=station.id)
    assert rows.get(evse_number=1).status == "occupied"
    assert rows.get(evse_number=2).status == "unavailable"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "Accepted"),
        ({"status": "blocked"}, "Blocked"),
        ({"status": "expired"}, "Expired"),
    ],
)
def test_authorize_c01(station, fields, word):
    answer = station.call("Authorize", {"idToken": token(station, **fields)})

    assert answer["idTokenInfo"]["status"] == word


def test_authorize_tells_group_and_expiry(station):
    later = station.now.replace(year=station.now.year + 1)
    policy = token(station, group="FLEET", expires_at=later)
    info = station.call("Authorize", {"idToken": policy})["idTokenInfo"]

    assert info["groupIdToken"] == {"idToken": "FLEET", "type": "Central"}
    assert info["cacheExpiryDateTime"].endswith("Z")


def test_a_charge_by_token_e01_to_e06(station):
    charge, card = Charge(station), token(station)
    status(station, "Occupied")
    begun = charge.event(
        "Started",
        "Authorized",
        wh=1000,
        context="Transaction.Begin",
        idToken=card,
        info={"chargingState": "Charging"},
    )
    station.later(60)
    charge.event("Updated", "MeterValuePeriodic", wh=2000)
    station.later(60)
    charge.event(
        "Ended",
        "StopAuthorized",
        wh=3500,
        context="Transaction.End",
        idToken=card,
        info={"stoppedReason": "Local"},
    )

    assert begun["idTokenInfo"]["status"] == "Accepted"
    row = charge.row
    assert (row.state, row.energy_wh, row.stop_reason) == ("ended", 2500, "Local")
    assert row.started_by == "token"
    assert topics().count("TransactionEnded") == 1


def test_a_repeated_event_changes_nothing(station):
    charge, card = Charge(station), token(station)
    charge.event("Started", "Authorized", wh=1000, idToken=card)
    station.later(60)
    charge.event("Updated", "MeterValuePeriodic", wh=2000)
    again = dict(charge.last)

    assert station.call("TransactionEvent", again) == {}
    assert charge.row.last_energy_wh == Decimal(2000)
    assert Transaction.objects.count() == 1


def test_started_may_be_missing(station):
    charge = Charge(station)
    token(station)
    charge.seq_no = 4
    charge.event("Updated", "MeterValuePeriodic", wh=500)

    assert charge.row.state == "active"


def test_ended_may_bring_the_only_meter_values(station):
    charge, card = Charge(station), token(station)
    charge.event("Started", "Authorized", idToken=card)
    station.later(60)
    payload_values = [
        {
            "timestamp": station.stamp,
            "sampledValue": [
                {"value": 100, "context": "Transaction.Begin"},
            ],
        },
        {
            "timestamp": station.stamp,
            "sampledValue": [{"value": 900, "context": "Transaction.End"}],
        },
    ]
    charge.event("Ended", "EVDeparted", meterValue=payload_values)

    assert charge.row.energy_wh == 800


def test_energy_follows_unit_and_multiplier(station):
    charge, card = Charge(station), token(station)
    charge.event("Started", "Authorized", wh=0, idToken=card)
    station.later(60)
    charge.event(
        "Updated",
        "MeterValuePeriodic",
        meterValue=[
            {
                "timestamp": station.stamp,
                "sampledValue": [
                    {
                        "value": 0.5,
                        "unitOfMeasure": {"unit": "kWh"},
                    }
                ],
            }
        ],
    )

    assert charge.row.last_energy_wh == Decimal(500)


def test_meter_values_outside_of_a_transaction_j01(station):
    answer = station.call(
        "MeterValues",
        {
            "evseId": 1,
            "meterValue": [
                {"timestamp": station.stamp, "sampledValue": [{"value": 7}]}
            ],
        },
    )

    assert answer == {}


def test_security_events_are_kept_a04(station):
    station.call(
        "SecurityEventNotification",
        {"type": "FirmwareUpdated", "timestamp": station.stamp, "techInfo": "v2"},
    )

    row = SecurityEvent.objects.get(charge_point_id=station.id)
    assert (row.kind, row.source, row.detail) == ("FirmwareUpdated", "station", "v2")


def report(station, seq_no, name, value, *, more):
    return station.call(
        "NotifyReport",
        {
            "requestId": 9,
            "generatedAt": station.stamp,
            "seqNo": seq_no,
            "tbc": more,
            "reportData": [
                {
                    "component": {"name": "EVSE", "evse": {"id": 1}},
                    "variable": {"name": name},
                    "variableAttribute": [{"value": value, "mutability": "ReadOnly"}],
                    "variableCharacteristics": {
                        "dataType": "decimal",
                        "supportsMonitoring": False,
                        "unit": "W",
                        "maxLimit": 22000.5,
                    },
                }
            ],
        },
    )


def test_a_base_report_comes_in_parts_b07(station):
    assert report(station, 0, "Power", "11000", more=True) == {}
    assert report(station, 1, "AvailabilityState", "Available", more=False) == {}

    rows = DeviceVariable.objects.filter(charge_point_id=station.id)
    assert dict(rows.values_list("variable", "value")) == {
        "Power": "11000",
        "AvailabilityState": "Available",
    }
    assert rows.get(variable="Power").max_limit == Decimal("22000.5")


VARIABLE = {
    "component": {"name": "OCPPCommCtrlr"},
    "variable": {"name": "HeartbeatInterval"},
}


def test_variables_are_read_and_written_b05_b06(station):
    read = station.answer(
        "GetVariables",
        {"getVariableData": [VARIABLE]},
        {
            "getVariableResult": [
                {"attributeStatus": "Accepted", "attributeValue": "300", **VARIABLE}
            ]
        },
    )
    written = station.answer(
        "SetVariables",
        {"setVariableData": [{"attributeValue": "60", **VARIABLE}]},
        {"setVariableResult": [{"attributeStatus": "Accepted", **VARIABLE}]},
    )
    refused = station.answer(
        "SetVariables",
        {"setVariableData": [{"attributeValue": "x", **VARIABLE}]},
        {"setVariableResult": [{"attributeStatus": "Rejected", **VARIABLE}]},
    )

    assert (read.accepted, written.accepted, refused.accepted) == (True, True, False)
    assert "HeartbeatInterval: Rejected" in refused.detail
    assert DeviceVariable.objects.get(charge_point_id=station.id).value == "60"


def test_intents_are_worded(station):
    action, payload = station.word(
        "start", {"evse": 1, "id_token": "A" * 20, "remote_start_id": 7}
    )
    assert action == "RequestStartTransaction"
    assert payload["idToken"] == {"idToken": "A" * 20, "type": "Central"}
    assert payload["remoteStartId"] == 7
    assert station.word("stop", {"transaction_id": "x"})[1] == {"transactionId": "x"}
    assert station.word("unlock", {"evse": 1})[1] == {"evseId": 1, "connectorId": 1}
    assert station.word("reset", {"kind": "immediate"})[1] == {"type": "Immediate"}
    assert station.word("reset", {})[1] == {"type": "OnIdle"}
    assert station.word("certificate_revoked", {"code": "c"})[1]["data"] == {
        "code": "c"
    }
    with pytest.raises(Exception, match="no message"):
        station.word("sing", {})


@pytest.mark.parametrize(
    ("action", "sent", "answer", "accepted"),
    [
        ("Reset", {"type": "OnIdle"}, {"status": "Scheduled"}, True),
        (
            "UnlockConnector",
            {"evseId": 1, "connectorId": 1},
            {
                "status": "OngoingAuthorizedTransaction",
                "statusInfo": {"reasonCode": "Busy", "additionalInfo": "charging"},
            },
            False,
        ),
        (
            "RequestStopTransaction",
            {"transactionId": "t"},
            {"status": "Rejected"},
            False,
        ),
        (
            "GetBaseReport",
            {"requestId": 1, "reportBase": "FullInventory"},
            {"status": "Accepted"},
            True,
        ),
        (
            "ChangeAvailability",
            {"operationalStatus": "Operative"},
            {"status": "Accepted"},
            True,
        ),
        (
            "TriggerMessage",
            {"requestedMessage": "Heartbeat"},
            {"status": "NotImplemented"},
            False,
        ),
    ],
)
def test_answers_mean_what_they_say(station, action, sent, answer, accepted):
    outcome = station.answer(action, sent, answer)

    assert (outcome.accepted, outcome.status) == (accepted, answer["status"])


def test_the_set_of_this_version_is_routed():
    table = TABLES[V201]

    assert set(table.routes) >= {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "Heartbeat",
        "MeterValues",
        "NotifyReport",
        "StatusNotification",
        "TransactionEvent",
    }
    assert set(table.outgoing) >= {
        "ChangeAvailability",
        "DataTransfer",
        "GetBaseReport",
        "GetVariables",
        "RequestStartTransaction",
        "RequestStopTransaction",
        "Reset",
        "SetVariables",
        "TriggerMessage",
        "UnlockConnector",
    }
