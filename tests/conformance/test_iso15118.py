"""What a station asks for vehicles (ISO 15118), in both versions."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from charge_points.services import public_keys
from tests.conformance.pki import chain_of, issued
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


def ocsp_question(leaf, sub, url):
    asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, sub, hashes.SHA256())
    built = asked.build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": built.issuer_name_hash.hex(),
        "issuerKeyHash": built.issuer_key_hash.hex(),
        "serialNumber": f"{leaf.serial_number:x}",
        "responderURL": url,
    }


def answer_about(leaf, sub, at):
    """What our responder says; made here, where the test's rows are seen."""
    asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, sub, hashes.SHA256())
    der = asked.build().public_bytes(serialization.Encoding.DER)
    return public_keys.ocsp_answer(der, at=at)


def pnc(station, message, payload):
    """2.0.1: the message itself; 1.6: the same in a DataTransfer."""
    if station.version == "2.0.1":
        return station.call(message, payload)
    answer = station.call(
        "DataTransfer",
        {
            "vendorId": "org.openchargealliance.iso15118pnc",
            "messageId": message,
            "data": json.dumps(payload),
        },
    )
    assert answer["status"] == "Accepted"
    return json.loads(answer["data"])


def test_the_status_of_a_certificate_is_asked_of_its_responder_and_kept(
    station, responder
):
    leaf, sub = chain_of(issued(station))
    told = answer_about(leaf, sub, station.now)
    responder.make = lambda _: told
    question = {"ocspRequestData": ocsp_question(leaf, sub, responder.url)}

    first = pnc(station, "GetCertificateStatus", question)
    again = pnc(station, "GetCertificateStatus", question)

    assert first["status"] == "Accepted"
    told = ocsp.load_der_ocsp_response(base64.b64decode(first["ocspResult"]))
    assert told.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert again == first
    assert len(responder.asked) == 1


@pytest.mark.parametrize("trouble", ["error", "garbage", "other", "forbidden", "away"])
def test_a_responder_in_trouble_is_told_as_failed(
    station, responder, settings, trouble
):
    leaf, sub = chain_of(issued(station))
    other = chain_of(issued(station))[0]
    question = ocsp_question(leaf, sub, responder.url)
    good = answer_about(leaf, sub, station.now)
    responder.make = lambda _: good
    if trouble == "error":
        responder.status = "500 Oh"
    elif trouble == "garbage":
        responder.make = lambda _: b"garbage"
    elif trouble == "other":
        wrong = answer_about(other, sub, station.now)
        responder.make = lambda _: wrong
    elif trouble == "forbidden":
        settings.OUTGOING_NETWORKS = []
    else:
        question["responderURL"] = "http://127.0.0.1:9/"

    answer = pnc(station, "GetCertificateStatus", {"ocspRequestData": question})

    assert answer["status"] == "Failed"
    assert answer["statusInfo"]["additionalInfo"]


def ev_request():
    return {"iso15118SchemaVersion": "x", "action": "Install", "exiRequest": "AAA="}


def test_a_vehicles_request_is_relayed_to_the_provider(station, responder, settings):
    settings.CONTRACT_PROVIDER_URL = responder.url
    responder.make = lambda _: json.dumps({"exiResponse": "BBB="}).encode()

    answer = pnc(station, "Get15118EVCertificate", ev_request())

    assert answer == {"status": "Accepted", "exiResponse": "BBB="}
    assert json.loads(responder.asked[0]) == ev_request()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"exiResponse": 5}'])
def test_a_provider_in_trouble_or_none_is_told_as_failed(
    station, responder, settings, body
):
    assert pnc(station, "Get15118EVCertificate", ev_request())["status"] == "Failed"
    settings.CONTRACT_PROVIDER_URL = responder.url
    responder.make = lambda _: body
    assert pnc(station, "Get15118EVCertificate", ev_request())["status"] == "Failed"


@pytest.mark.parametrize(
    ("message", "data", "status"),
    [
        ("Unknown", "{}", "UnknownMessageId"),
        ("GetCertificateStatus", "{", "Rejected"),
        ("GetCertificateStatus", "[]", "Rejected"),
        ("Get15118EVCertificate", '{"action": "Install"}', "Rejected"),
        ("SignCertificate", "{}", "Rejected"),
    ],
)
def test_plug_and_charge_by_data_transfer_refuses_what_it_cannot_read(
    message, data, status
):
    sent = {
        "vendorId": "org.openchargealliance.iso15118pnc",
        "messageId": message,
        "data": data,
    }
    assert Station("1.6").call("DataTransfer", sent) == {"status": status}
