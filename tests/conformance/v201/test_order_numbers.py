"""Charging certificates and order numbers through a 2.0.1 station."""

import pytest

from charge_points.models import ChargingCertificate, SecurityEvent
from charge_points.services import certificates, starting
from cpms.kernel.ids import new_order_number
from tests.conformance.stations import Station
from tests.conformance.v201.wording import V201, Charge, status

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
