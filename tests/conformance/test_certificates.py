"""Requests of stations for certificates, in both versions, with real X.509."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
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
from tests.conformance.pki import PEM, accept, chain_of, csr, issued, sign

pytestmark = pytest.mark.django_db


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
