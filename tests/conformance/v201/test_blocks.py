"""OCPP 2.0.1 through the real handlers and services, by functional block."""

import uuid
from decimal import Decimal

import pytest

from charge_points.models import (
    ChargePoint,
    ChargingCertificate,
    Connector,
    DeviceVariable,
    SecurityEvent,
    Transaction,
)
from charge_points.services import certificates, id_tokens, starting
from cpms.kernel.ids import new_order_number
from cpms.outbox.models import EventRecord
from tests.conformance.stations import TABLES, Station

pytestmark = pytest.mark.django_db
V201 = "2.0.1"


@pytest.fixture
def station():
    return Station(V201)


def token(station, value="04AABBCC", **fields):
    id_tokens.put_policy(
        token=value,
        **{"status": "accepted", "operator_id": station.operator_id, **fields},
        at=station.now,
    )
    return {"idToken": value, "type": "ISO14443"}


class Charge:
    """A 2.0.1 transaction as its station tells it."""

    def __init__(self, station, evse=1):
        self.station, self.evse = station, evse
        self.id = str(uuid.uuid4())
        self.seq_no = -1

    def event(self, kind, trigger, *, wh=None, context=None, info=None, **fields):
        self.seq_no += 1
        payload = {
            "eventType": kind,
            "timestamp": self.station.stamp,
            "triggerReason": trigger,
            "seqNo": self.seq_no,
            "transactionInfo": {"transactionId": self.id, **(info or {})},
            "evse": {"id": self.evse, "connectorId": 1},
            **fields,
        }
        if wh is not None:
            sample = {"value": wh}
            if context:
                sample["context"] = context
            payload["meterValue"] = [
                {"timestamp": self.station.stamp, "sampledValue": [sample]}
            ]
        self.last = payload
        return self.station.call("TransactionEvent", payload)

    @property
    def row(self):
        return Transaction.objects.get(ocpp_id=self.id)


def status(station, word, evse=1):
    return station.call(
        "StatusNotification",
        {
            "timestamp": station.stamp,
            "connectorStatus": word,
            "evseId": evse,
            "connectorId": 1 if evse else 0,
        },
    )


def topics():
    return list(EventRecord.objects.order_by("id").values_list("topic", flat=True))


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


def certificate(station, data):
    return station.call(
        "DataTransfer",
        {
            "vendorId": "org.cpms.autocharge",
            "messageId": "ChargingCertificateRequest",
            "data": data,
        },
    )


def claimed(station):
    status(station, "Available")
    station.later(1)
    status(station, "Occupied")
    told = certificate(station, {"evseId": 1, "requestId": "r"})["data"]
    number = new_order_number()
    certificates.claim(
        presented=told["certificate"],
        order_number=number,
        idempotency_key="",
        at=station.now,
    )
    starting.reserve(
        operator_id=station.operator_id,
        charge_point_identity=station.identity,
        evse=1,
        connector=1,
        order_number=number,
        at=station.now,
    )
    handle = starting.request_start(
        order_number=number, energy_limit_wh=5000, ends_by=None, at=station.now
    )
    return number, handle.pk


def test_the_certificate_is_json_in_p01(station):
    status(station, "Available")
    station.later(1)
    status(station, "Occupied")
    answer = certificate(station, {"evseId": 1, "requestId": "r1"})

    assert answer["status"] == "Accepted"
    assert set(answer["data"]) == {"certificate", "code", "uri", "expiresAt"}


@pytest.mark.parametrize("data", [None, 5, "x", {"evseId": "1"}, {"evseId": 1}])
def test_a_bad_certificate_request_is_rejected_with_a_reason(station, data):
    answer = certificate(station, data if data is not None else {})

    assert answer["status"] == "Rejected"
    assert answer["data"]["reason"]


def test_other_vendors_are_unknown(station):
    assert station.call("DataTransfer", {"vendorId": "x"})["status"] == (
        "UnknownVendorId"
    )


@pytest.mark.parametrize("by", ["token", "remote_start_id"])
def test_an_order_attaches_when_its_start_comes(station, by):
    number, remote_start_id = claimed(station)
    charge = Charge(station)
    fields = (
        {"idToken": {"idToken": number, "type": "Central"}}
        if by == "token"
        else {"info": {"remoteStartId": remote_start_id}}
    )
    charge.event("Started", "RemoteStart", wh=0, **fields)

    row = charge.row
    assert (row.order_number, row.started_by) == (number, "order")
    assert ChargingCertificate.objects.get().state == "started"


def test_a_cable_first_station_opens_no_order_before_the_token(station):
    number, remote_start_id = claimed(station)
    charge = Charge(station)
    charge.event("Started", "CablePluggedIn", wh=0)
    assert charge.row.order_number is None
    station.later(1)
    charge.event(
        "Updated",
        "RemoteStart",
        idToken={"idToken": number, "type": "Central"},
        info={"remoteStartId": remote_start_id},
    )

    assert charge.row.order_number == number


def test_a_stolen_order_number_is_invalid_elsewhere(station):
    number, _ = claimed(station)
    thief = Station(V201)

    answer = thief.call(
        "Authorize", {"idToken": {"idToken": number, "type": "Central"}}
    )

    assert answer["idTokenInfo"]["status"] == "Invalid"
    assert SecurityEvent.objects.filter(charge_point_id=thief.id).exists()


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
