"""Revocation lists and OCSP, with OpenSSL as a peer."""

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from charge_points.services import public_keys
from charge_points.services.public_keys import authority
from tests.conformance.pki import PEM, chain_of, issued, leaf_files, openssl

pytestmark = pytest.mark.django_db


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
