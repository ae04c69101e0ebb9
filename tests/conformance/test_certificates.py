"""Certificates of stations, in both versions, with real X.509 and OpenSSL as a peer."""

import base64
import json
import subprocess
from datetime import timedelta
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from django.core.cache import cache
from hypothesis import given, settings as hypothesis_settings, strategies as st

from charge_points.models import (
    Command,
    InstalledCertificate,
    SecurityEvent,
    StationCertificate,
)
from charge_points.services import public_keys
from charge_points.services.public_keys import authority, signing
from charge_points.services.public_keys.csr import UnableToSign, check
from cpms.outbox.models import EventRecord
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
VERSIONS = ["1.6", "2.0.1"]
PEM = serialization.Encoding.PEM


@pytest.fixture(params=VERSIONS)
def station(request):
    return Station(request.param)


def csr(name, key=None, digest=None):
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None).public_bytes(PEM).decode()
    return builder.sign(key, digest or hashes.SHA256()).public_bytes(PEM).decode()


def sign(station, text):
    return station.call("SignCertificate", {"csr": text})["status"]


def chain_of(command):
    return x509.load_pem_x509_certificates(command.payload["certificateChain"].encode())


def issued(station):
    assert sign(station, csr(station.identity)) == "Accepted"
    return Command.objects.filter(action="CertificateSigned").latest("pk")


def accept(station, command, status="Accepted"):
    return station.answer("CertificateSigned", command.payload, {"status": status})


def test_a_request_is_signed_and_the_chain_goes_to_the_station(station):
    command = issued(station)

    leaf, sub = chain_of(command)
    root = authority.signing(at=station.now).chain[1]
    leaf.verify_directly_issued_by(sub)
    sub.verify_directly_issued_by(root)
    name = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert name == station.identity
    assert len(command.payload["certificateChain"]) <= 10_000
    row = StationCertificate.objects.get()
    assert (row.state, row.operator_id) == ("issued", station.operator_id)

    accept(station, command)
    row.refresh_from_db()
    assert (row.state, row.installed_at) == ("installed", station.now)


def test_a_chain_that_the_station_rejects_is_not_counted_on(station):
    accept(station, issued(station), "Rejected")

    assert StationCertificate.objects.get().state == "rejected"


def test_the_same_request_again_gets_the_same_certificate(station):
    text = csr(station.identity)
    sign(station, text)
    station.later(60)
    sign(station, text)

    first, second = Command.objects.filter(action="CertificateSigned")
    assert first.payload == second.payload
    assert StationCertificate.objects.count() == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda _: csr("CP-OF-SOMEBODY-ELSE"),
        lambda s: csr(s.identity, rsa.generate_private_key(65537, 1024)),
        lambda s: csr(s.identity, ed25519.Ed25519PrivateKey.generate()),
        lambda s: csr(s.identity).replace("MII", "MIX", 1).replace("MIH", "MIX", 1),
        lambda _: "no certificate request",
        lambda s: csr(s.identity, ec.generate_private_key(ec.SECP192R1())),
    ],
    ids=["other", "weak-rsa", "ed25519", "broken", "text", "weak-curve"],
)
def test_a_bad_request_is_rejected_and_seen_by_the_operator(station, make):
    assert sign(station, make(station)) == "Rejected"

    assert not StationCertificate.objects.exists()
    assert SecurityEvent.objects.get().kind == "InvalidCsr"


@pytest.mark.parametrize(
    ("spoil", "quirk"),
    [
        (lambda text: text.replace("\n", "\r\n"), "csr_line_ends"),
        (lambda text: text.replace("\n", "\\n"), "csr_line_ends"),
        (lambda text: "\n\n" + text + "  ", None),
    ],
)
def test_known_misspellings_are_tolerated_and_counted(station, spoil, quirk):
    assert sign(station, spoil(csr(station.identity))) == "Accepted"
    assert station.quirks == ([quirk] if quirk else [])


def test_a_request_without_subject_gets_ours(station):
    assert sign(station, csr(None)) == "Accepted"
    assert station.quirks == ["csr_no_subject"]
    leaf = chain_of(Command.objects.get())[0]
    name = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert name == station.identity


@pytest.mark.parametrize(
    "key",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP384R1()),
    ],
    ids=["rsa-2048", "p-384"],
)
def test_other_good_keys_are_signed(station, key):
    assert sign(station, csr(station.identity, key())) == "Accepted"


def test_a_station_that_asks_in_a_loop_is_stopped(station):
    for _ in range(signing.REQUESTS_MAX):
        assert sign(station, csr(station.identity)) == "Accepted"
    assert sign(station, csr(station.identity)) == "Rejected"


@hypothesis_settings(max_examples=60)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.hex()))
def test_no_text_crashes_the_check(text):
    body = (
        f"-----BEGIN CERTIFICATE REQUEST-----\n{text}\n"
        "-----END CERTIFICATE REQUEST-----"
    )
    for each in (text, body):
        with pytest.raises(UnableToSign):
            check(each, names=("CP",))


# -- revocation ----------------------------------------------------------------------


def leaf_files(tmp_path, station):
    leaf, sub = chain_of(issued(station))
    root = authority.signing(at=station.now).chain[1]
    for name, each in (("leaf", leaf), ("sub", sub), ("root", root)):
        (tmp_path / f"{name}.pem").write_bytes(each.public_bytes(PEM))
    return leaf


def openssl(folder, *arguments):
    done = subprocess.run(
        ["openssl", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def revoke(station, leaf, reason="keyCompromise"):
    return public_keys.revoke(
        serial_number=f"{leaf.serial_number:x}",
        operator_ids=[station.operator_id],
        reason=reason,
        by="test",
        at=station.now,
    )


def test_openssl_follows_the_chain_and_the_revocation_list(station, tmp_path):
    leaf = leaf_files(tmp_path, station)
    sub = authority.signing(at=station.now).row
    verify = [
        *("verify", "-CAfile", "root.pem", "-untrusted", "sub.pem"),
        *("-purpose", "sslclient"),
    ]

    def crl():
        der = public_keys.crl(authority_id=sub.pk, at=station.now)
        found = x509.load_der_x509_crl(der)
        (tmp_path / "crl.pem").write_bytes(found.public_bytes(PEM))
        return found

    assert openssl(tmp_path, *verify, "leaf.pem")[0] == 0
    first = crl()
    checked = [*verify, "-crl_check", "-CRLfile", "crl.pem", "leaf.pem"]
    assert openssl(tmp_path, *checked)[0] == 0

    revoke(station, leaf)
    second = crl()
    status, text = openssl(tmp_path, *checked)
    assert status != 0
    assert "revoked" in text
    number = x509.CRLNumber
    assert (
        second.extensions.get_extension_for_class(number).value.crl_number
        > first.extensions.get_extension_for_class(number).value.crl_number
    )
    assert f"{leaf.serial_number:x}" in public_keys.revoked_serials()


@pytest.fixture
def responder(settings):
    """Our OCSP responder over real HTTP."""

    def application(environ, start_response):
        length = int(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"].read(length)
        answers.asked.append(body)
        start_response(answers.status, [("Content-Type", "application/ocsp-response")])
        return [answers.make(body)]

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args):
            pass

    class Answers:
        status = "200 OK"
        asked: list = []
        make = None

    answers = Answers()
    answers.asked = []
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    cache.clear()
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        answers.url = f"http://127.0.0.1:{server.server_port}/ocsp"
        yield answers
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("revoked", [False, True])
def test_openssl_asks_our_responder(station, tmp_path, client, revoked):
    leaf = leaf_files(tmp_path, station)
    if revoked:
        revoke(station, leaf)
    request = ["-issuer", "sub.pem", "-cert", "leaf.pem", "-reqout", "request.der"]
    assert openssl(tmp_path, "ocsp", *request)[0] == 0
    answer = client.post(
        "/pki/ocsp",
        (tmp_path / "request.der").read_bytes(),
        content_type="application/ocsp-request",
    )
    (tmp_path / "answer.der").write_bytes(answer.content)
    status, text = openssl(
        tmp_path,
        *("ocsp", "-respin", "answer.der", "-issuer", "sub.pem", "-cert", "leaf.pem"),
        *("-CAfile", "root.pem", "-verify_other", "sub.pem", "-trust_other"),
        "-no_nonce",
    )
    assert status == 0, text
    assert "Response verify OK" in text
    nonces = [
        each.extensions.get_extension_for_class(x509.OCSPNonce).value
        for each in (
            ocsp.load_der_ocsp_request((tmp_path / "request.der").read_bytes()),
            ocsp.load_der_ocsp_response(answer.content),
        )
    ]
    assert nonces[0] == nonces[1]
    assert ("leaf.pem: revoked" if revoked else "leaf.pem: good") in text


def test_questions_that_make_no_sense_have_an_answer_too(station, client):
    issued(station)
    for body in (b"", b"x", b"\x30" * 5000):
        answer = client.post("/pki/ocsp", body, content_type="application/octet-stream")
        told = ocsp.load_der_ocsp_response(answer.content)
        assert told.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert client.get("/pki/999.crl").status_code == 404
    assert client.get("/pki/ca.pem").content.count(b"BEGIN CERTIFICATE") == 2


def test_only_its_own_operator_revokes(station):
    leaf = chain_of(issued(station))[0]
    for serial, operators, reason, code in (
        (f"{leaf.serial_number:x}", [0], "keyCompromise", "unknown_certificate"),
        ("77", [station.operator_id], "keyCompromise", "unknown_certificate"),
        (f"{leaf.serial_number:x}", [station.operator_id], "mood", "unknown_reason"),
    ):
        with pytest.raises(public_keys.UnableToRevoke) as refusal:
            public_keys.revoke(
                serial_number=serial,
                operator_ids=operators,
                reason=reason,
                by="test",
                at=station.now,
            )
        assert refusal.value.code == code
    first = revoke(station, leaf)
    assert revoke(station, leaf, "superseded").revoke_reason == first.revoke_reason


# -- renewal -------------------------------------------------------------------------


def test_a_station_is_asked_in_time_and_its_operator_warned_late(station):
    accept(station, issued(station))
    ends_at = StationCertificate.objects.get().not_after

    assert public_keys.renew_due(at=ends_at - timedelta(days=60)) == 0
    assert public_keys.renew_due(at=ends_at - timedelta(days=20)) == 1
    asked = Command.objects.latest("pk")
    wanted = {
        "1.6": ("ExtendedTriggerMessage", "SignChargePointCertificate"),
        "2.0.1": ("TriggerMessage", "SignChargingStationCertificate"),
    }[station.version]
    assert (asked.action, asked.payload["requestedMessage"]) == wanted
    told = EventRecord.objects.filter(topic="StationCertificateExpiring")
    assert not told.exists()

    public_keys.renew_due(at=ends_at - timedelta(days=5))
    public_keys.renew_due(at=ends_at - timedelta(days=4))
    assert told.get().payload["charge_point"] == station.identity


# -- what stations have installed ----------------------------------------------------

ROOT_USE = {"1.6": "CentralSystemRootCertificate", "2.0.1": "CSMSRootCertificate"}


def hash_data(number="0a"):
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "AB" * 32,
        "issuerKeyHash": "CD" * 32,
        "serialNumber": number,
    }


def test_roots_are_installed_listed_and_deleted(station):
    use = ROOT_USE[station.version]
    root = authority.signing(at=station.now).chain[1]
    sent = {
        "certificateType": use,
        "certificate": root.public_bytes(PEM).decode(),
    }
    station.answer("InstallCertificate", sent, {"status": "Rejected"})
    assert not InstalledCertificate.objects.exists()
    station.answer("InstallCertificate", sent, {"status": "Accepted"})
    row = InstalledCertificate.objects.get()
    assert row.subject == "CN=CPMS station root CA"

    told = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": row.issuer_name_hash.upper(),
        "issuerKeyHash": row.issuer_key_hash,
        "serialNumber": row.serial_number,
    }
    if station.version == "1.6":
        question = {"certificateType": use}
        listed = {"status": "Accepted", "certificateHashData": [told, hash_data()]}
    else:
        question = {"certificateType": [use]}
        listed = {
            "status": "Accepted",
            "certificateHashDataChain": [
                {"certificateType": use, "certificateHashData": each}
                for each in (told, hash_data())
            ],
        }
    station.answer("GetInstalledCertificateIds", question, listed)
    rows = InstalledCertificate.objects.order_by("subject")
    assert [each.subject for each in rows] == ["", "CN=CPMS station root CA"]

    gone = {"certificateHashData": hash_data()}
    station.answer("DeleteCertificate", gone, {"status": "Failed"})
    assert InstalledCertificate.objects.count() == 2
    station.answer("DeleteCertificate", gone, {"status": "Accepted"})
    assert InstalledCertificate.objects.count() == 1

    station.answer("GetInstalledCertificateIds", question, {"status": "NotFound"})
    assert InstalledCertificate.objects.count() == 0


# -- ISO 15118 -----------------------------------------------------------------------


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
