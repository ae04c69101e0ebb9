"""Charging certificates and order numbers through a 1.6 station."""

import json

import pytest

from charge_points.models import ChargingCertificate, SecurityEvent, Transaction
from charge_points.services import certificates, starting
from charge_points.services.certificates import verify
from cpms.kernel.ids import new_order_number
from tests.conformance.stations import Station
from tests.conformance.v16.wording import V16, start, status

pytestmark = pytest.mark.django_db


def certificate(station, data):
    return station.call(
        "DataTransfer",
        {
            "vendorId": "org.cpms.autocharge",
            "messageId": "ChargingCertificateRequest",
            "data": data,
        },
    )


def test_a_certificate_is_issued_for_a_plug_in(station):
    status(station, "Available")
    station.later(1)
    status(station, "Preparing")

    answer = certificate(station, json.dumps({"connectorId": 1, "requestId": "r1"}))

    assert answer["status"] == "Accepted"
    told = json.loads(answer["data"])
    assert len(told["uri"]) <= 60
    for presented in (told["certificate"], told["code"], told["uri"]):
        assert verify(presented=presented, at=station.now).evse == 1
    row = ChargingCertificate.objects.get()
    assert told["code"] not in str(row.__dict__)


@pytest.mark.parametrize(
    "data",
    [
        None,
        "not json",
        "[]",
        '{"connectorId": 0, "requestId": "x"}',
        '{"connectorId": true, "requestId": "x"}',
        '{"connectorId": 1}',
        '{"connectorId": 1, "requestId": ""}',
    ],
)
def test_a_bad_certificate_request_is_told_what_is_wrong(station, data):
    answer = certificate(station, data) if data else certificate(station, "{}")

    assert answer["status"] == "Rejected"
    assert json.loads(answer["data"])["reason"]


def test_other_vendors_and_messages_are_unknown(station):
    assert station.call("DataTransfer", {"vendorId": "x"}) == {
        "status": "UnknownVendorId"
    }
    answer = station.call(
        "DataTransfer", {"vendorId": "org.cpms.autocharge", "messageId": "Nonsense"}
    )
    assert answer == {"status": "UnknownMessageId"}


def claimed(station):
    """An order with its start asked for; returns the order number."""
    status(station, "Available")
    station.later(1)
    status(station, "Preparing")
    told = json.loads(
        certificate(station, json.dumps({"connectorId": 1, "requestId": "r"}))["data"]
    )
    number = new_order_number()
    certificates.claim(
        presented=told["code"],
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
    starting.request_start(
        order_number=number, energy_limit_wh=5000, ends_by=None, at=station.now
    )
    return number


def test_the_order_number_starts_exactly_its_own_connector(station):
    number = claimed(station)

    assert station.call("Authorize", {"idTag": number})["idTagInfo"]["status"] == (
        "Accepted"
    )
    elsewhere = start(station, number, connector=2)
    assert elsewhere["idTagInfo"]["status"] == "Invalid"
    here = start(station, number)
    assert here["idTagInfo"]["status"] == "Accepted"
    row = Transaction.objects.get(ocpp_id=str(here["transactionId"]))
    assert (row.order_number, row.started_by) == (number, "order")
    assert ChargingCertificate.objects.get().state == "started"


def test_a_stolen_order_number_is_invalid_elsewhere_and_seen(station):
    number = claimed(station)
    thief = Station(V16)

    answer = thief.call("Authorize", {"idTag": number})

    assert answer["idTagInfo"]["status"] == "Invalid"
    assert SecurityEvent.objects.filter(charge_point_id=thief.id).exists()
