"""Authorize with contract certificates: real chains, a real responder over HTTP."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from django.core.cache import cache
from django.utils import timezone
from hypothesis import (
    HealthCheck,
    given,
    settings as hypothesis_settings,
    strategies as st,
)

from charge_points.models import ContractRoot, SecurityEvent
from charge_points.services import contract_chains, contract_roots, id_tokens
from charge_points.services.contract_chains import UnableToTrustContract
from simulators.v2g import OcspResponder, TestPki
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
EMAID = "DE8AA1A2B3C4D59"
VENDOR = "org.openchargealliance.iso15118pnc"


@pytest.fixture(scope="module")
def town():
    """A PKI with its responder; made once, each test revokes its own contracts."""
    pki = TestPki({})
    with OcspResponder(lambda: pki) as responder:
        made = TestPki.new(responder_url=responder.url)
        pki.authorities, pki.responder_url = made.authorities, made.responder_url
        pki.responder = responder
        yield pki


@pytest.fixture
def pki(town, settings):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    cache.clear()
    town.responder.asked, town.responder.answer_with = 0, None
    return town


@pytest.fixture(params=["1.6", "2.0.1"])
def station(request):
    return Station(request.param)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def trust(pki, station, name="mo-root", *, operator=True):
    contract_roots.add(
        pem=pem(pki.authorities[name].certificate),
        operator_id=station.operator_id if operator else None,
        by="test",
        at=station.now,
    )


def policy(station, status="accepted", emaid=EMAID, **more):
    id_tokens.put_policy(
        token=emaid,
        token_type="eMAID",
        status=status,
        operator_id=None,
        at=station.now,
        **more,
    )


def present(station, payload):
    """Returns (idTokenInfo.status, certificateStatus or None)."""
    if station.version == "1.6":
        sent = {
            "vendorId": VENDOR,
            "messageId": "Authorize",
            "data": json.dumps(payload),
        }
        told = station.call("DataTransfer", sent)
        assert told["status"] == "Accepted"
        answer = json.loads(told["data"])
    else:
        answer = station.call("Authorize", payload)
    return answer["idTokenInfo"]["status"], answer.get("certificateStatus")


@pytest.mark.parametrize("central", [True, False])
def test_a_good_contract_is_accepted(station, pki, central):
    trust(pki, station)
    policy(station)

    answer = present(station, pki.contract(EMAID).authorize(central=central))

    assert answer == ("Accepted", "Accepted")
    assert pki.responder.asked == 3


def test_a_chain_without_responder_needs_none(station):
    silent = TestPki.new()
    trust(silent, station)
    policy(station)

    answer = present(station, silent.contract(EMAID).authorize(central=True))

    assert answer == ("Accepted", "Accepted")


@pytest.mark.parametrize("central", [True, False])
@pytest.mark.parametrize("which", ["leaf", "sub-CA"])
def test_a_revoked_contract_is_refused(station, pki, central, which):
    trust(pki, station)
    policy(station)
    contract = pki.contract(EMAID)
    gone = contract.leaf if which == "leaf" else contract.chain[1]
    pki.revoke(gone)

    answer = present(station, contract.authorize(central=central))

    pki.revoked.clear()
    assert answer == ("Blocked", "CertificateRevoked")


def spoiled(contract):
    """The same chain with a leaf whose signature was tampered with."""
    der = bytearray(contract.leaf.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    text = base64.encodebytes(bytes(der)).decode()
    leaf = f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
    return leaf + "".join(pem(each) for each in contract.chain)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda pki: pki.contract(EMAID, life=timedelta(days=-1)).chain_pem,
            ("Expired", "CertificateExpired"),
        ),
        (lambda pki: spoiled(pki.contract(EMAID)), ("Invalid", "SignatureError")),
        (
            lambda _: TestPki.new().contract(EMAID).chain_pem,
            ("Invalid", "SignatureError"),
        ),
        (
            lambda pki: pem(pki.contract(EMAID).leaf),
            ("Invalid", "CertChainError"),
        ),
        (
            lambda pki: pki.contract(EMAID, issuer="cpo-sub2").chain_pem,
            ("Invalid", "CertChainError"),
        ),
        (
            lambda pki: pki.contract("DE8AA9Z9Z9Z9Z91").chain_pem,
            ("Invalid", "NoCertificateAvailable"),
        ),
        (lambda _: "no certificate", ("Invalid", "CertChainError")),
        (
            lambda pki: pem(pki.authorities["mo-sub2"].certificate),
            ("Invalid", "CertChainError"),
        ),
    ],
    ids=[
        *("expired", "tampered", "same-names", "no-sub-ca", "other-root"),
        *("other-contract", "text", "ca"),
    ],
)
def test_what_proves_nothing_is_refused_and_seen(station, pki, make, expected):
    trust(pki, station)
    policy(station)
    payload = {
        "idToken": {"idToken": EMAID, "type": "eMAID"},
        "certificate": make(pki),
    }

    assert present(station, payload) == expected

    event = SecurityEvent.objects.get()
    assert (event.kind, event.severity) == ("ContractRefused", "notice")
    assert expected[1] in event.detail
    assert pki.responder.asked == 0


def test_unknown_and_cancelled_contracts_ask_no_responder(station, pki):
    trust(pki, station)
    payload = pki.contract(EMAID).authorize(central=True)
    assert present(station, payload) == ("Unknown", "Accepted")
    policy(station, "blocked")
    assert present(station, payload) == ("Blocked", "ContractCancelled")
    policy(station, driver_id=7, account_state="blocked")
    assert present(station, payload) == ("NoCredit", "Accepted")
    assert pki.responder.asked == 0


def test_hyphens_of_an_emaid_do_not_matter(station, pki):
    trust(pki, station)
    policy(station, emaid="de-8aa-1a2b3c4d5-9")
    payload = pki.contract("DE-8AA-1A2B3C4D5-9").authorize(central=True)
    payload["idToken"] = {"idToken": EMAID, "type": "eMAID"}

    assert present(station, payload) == ("Accepted", "Accepted")


@pytest.mark.parametrize("required", [True, False])
def test_a_silent_responder_is_decided_by_the_setting(station, settings, required):
    settings.CONTRACT_OCSP_REQUIRED = required
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    cache.clear()
    dead = TestPki.new(responder_url="http://127.0.0.1:9/ocsp")
    trust(dead, station)
    policy(station)

    answer = present(station, dead.contract(EMAID).authorize(central=True))

    good = ("Accepted", "Accepted")
    assert answer == (("Invalid", "CertChainError") if required else good)


def lie(pki, **changes):
    """A responder whose answers are not what they should be."""

    def answer(question):
        asked = ocsp.load_der_ocsp_request(question)
        now = datetime.now(UTC)
        built = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=changes.get("issuer_key_hash", asked.issuer_key_hash),
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=changes.get("status", ocsp.OCSPCertStatus.GOOD),
            this_update=now - changes.get("age", timedelta(0)),
            next_update=now - changes.get("age", timedelta(0)) + timedelta(hours=1),
            revocation_time=None,
            revocation_reason=None,
        )
        signer = changes.get("signer") or pki.authorities["mo-sub2"]
        built = built.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        signed = built.sign(signer.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    return answer


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "Accepted"),
        ({"status": ocsp.OCSPCertStatus.UNKNOWN}, "NoCertificateAvailable"),
        ({"age": timedelta(days=2)}, "CertChainError"),
        ({"age": timedelta(days=-2)}, "CertChainError"),
        ({"issuer_key_hash": b"\0" * 32}, "CertChainError"),
        ({"signer": "stranger"}, "CertChainError"),
        ({"signer": "cpo-sub2"}, "CertChainError"),
    ],
    ids=["good", "unknown", "old", "future", "other-issuer", "stranger", "other-ca"],
)
def test_an_answer_counts_only_when_the_issuer_signed_it(station, pki, changes, word):
    trust(pki, station)
    policy(station)
    if "signer" in changes:
        name = changes["signer"]
        signer = TestPki.new().authorities["mo-sub2"]
        changes = {
            "signer": signer if name == "stranger" else pki.authorities[name],
        }
    pki.responder.answer_with = lie(pki, **changes)
    payload = pki.contract(EMAID).authorize(central=True)
    leaf_only = payload["iso15118CertificateHashData"][:1]
    payload = {
        "idToken": payload["idToken"],
        "iso15118CertificateHashData": leaf_only,
    }
    # The issuer is known: the sub-CA is trusted itself.
    trust(pki, station, "mo-sub2")

    assert present(station, payload)[1] == word


@pytest.mark.parametrize("operator", [True, False])
def test_roots_count_where_they_were_added(station, pki, operator):
    trust(pki, station, operator=operator)
    policy(station)
    payload = pki.contract(EMAID).authorize(central=True)
    elsewhere = Station(station.version, operator="other")

    here = present(station, payload)[1]
    there = present(elsewhere, payload)[1]

    assert here == "Accepted"
    assert there == ("CertChainError" if operator else "Accepted")


def test_a_root_that_is_installed_on_a_station_counts_at_its_operator(pki):
    station = Station("2.0.1")
    policy(station)
    sent = {
        "certificateType": "MORootCertificate",
        "certificate": pem(pki.authorities["mo-root"].certificate),
    }
    station.answer("InstallCertificate", sent, {"status": "Rejected"})
    assert not ContractRoot.objects.exists()
    station.answer("InstallCertificate", sent, {"status": "Accepted"})
    station.answer("InstallCertificate", sent, {"status": "Accepted"})
    leaf = pem(pki.contract(EMAID).leaf)
    station.answer(
        "InstallCertificate", {**sent, "certificate": leaf}, {"status": "Accepted"}
    )

    row = ContractRoot.objects.get()
    assert (row.operator_id, row.added_by) == (
        station.operator_id,
        "InstallCertificate",
    )
    payload = pki.contract(EMAID).authorize(central=True)
    assert present(station, payload) == ("Accepted", "Accepted")
    by = {"by": "test", "at": station.now}
    contract_roots.remove(
        fingerprint=row.fingerprint, operator_id=station.operator_id, **by
    )
    assert present(station, payload)[1] == "CertChainError"
    with pytest.raises(contract_roots.UnableToFindRoot):
        contract_roots.remove(fingerprint="00", operator_id=None, **by)


GOOD = TestPki.new()
CONTRACT = GOOD.contract(EMAID)
ROOTS = [GOOD.authorities["mo-root"].certificate]
DER = CONTRACT.leaf.public_bytes(serialization.Encoding.DER)


def as_pem(der):
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


# The parser warns of values that it takes all the same.
@pytest.mark.filterwarnings("ignore:Attribute's length")
@hypothesis_settings(
    max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None
)
@given(
    st.one_of(
        st.text(max_size=300),
        st.binary(max_size=300).map(as_pem),
        st.integers(0, len(DER) - 1).map(lambda cut: as_pem(DER[:cut])),
        st.tuples(st.integers(0, len(DER) - 1), st.integers(1, 255)).map(
            lambda spot: as_pem(
                DER[: spot[0]] + bytes([DER[spot[0]] ^ spot[1]]) + DER[spot[0] + 1 :]
            )
        ),
    )
)
def test_no_bytes_crash_the_reader_or_pass_for_a_contract(text):
    tried = [text]
    if "-----BEGIN" in text:
        # What stands before the first certificate is no part of the chain.
        tried.append(text + "".join(pem(each) for each in CONTRACT.chain))
    for each in tried:
        with pytest.raises(UnableToTrustContract) as refusal:
            contract_chains.check(each, emaid=EMAID, roots=ROOTS, at=timezone.now())
        assert refusal.value.code in {
            *("SignatureError", "CertificateExpired", "CertChainError"),
            "NoCertificateAvailable",
        }
