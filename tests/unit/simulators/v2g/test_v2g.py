import json
import subprocess
import urllib.request
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from simulators.__main__ import main
from simulators.errors import ExitCode, UnableToUnderstand
from simulators.v2g import OcspResponder, TestPki
from simulators.v2g.cli import read_contract
from simulators.v2g.pki import NAMES, read_key
from simulators.vehicle.keys import VehicleKey

EMAID = "DE8AA1A2B3C4D59"


def v2g(capsys, *arguments):
    code = main(["v2g", *map(str, arguments)])
    text = capsys.readouterr().out
    return code, json.loads(text) if code == ExitCode.OK else text


@pytest.fixture
def folder(tmp_path, capsys):
    found = tmp_path / "pki"
    code, told = v2g(capsys, "new", "--pki", found, "--responder", "http://r.test/ocsp")
    assert code == ExitCode.OK
    assert set(told["certificates"]) == set(NAMES)
    return found


def test_openssl_follows_a_contract_to_its_root(folder, capsys):
    code, told = v2g(capsys, "contract", "--pki", folder, "--emaid", EMAID)
    assert code == ExitCode.OK
    done = subprocess.run(
        [
            *("openssl", "verify", "-CAfile", str(folder / "mo-root.pem")),
            *("-untrusted", str(folder / "mo-sub1.pem")),
            *("-untrusted", str(folder / "mo-sub2.pem"), told["certificate"]),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "mo-root.key").stat().st_mode & 0o077 == 0


def test_a_contract_is_worded_as_authorize(folder, capsys):
    v2g(capsys, "contract", "--pki", folder, "--emaid", EMAID)
    _, local = v2g(capsys, "authorize", "--pki", folder, "--emaid", EMAID)
    _, central = v2g(
        capsys, "authorize", "--pki", folder, "--emaid", EMAID, "--central"
    )

    assert local["idToken"] == {"idToken": EMAID, "type": "eMAID"}
    assert len(local["iso15118CertificateHashData"]) == 3
    assert "certificate" not in local
    assert central["certificate"].count("BEGIN CERTIFICATE") == 3
    assert len(central["certificate"]) <= 5_500


def test_the_contracts_key_speaks_for_an_account(folder, capsys):
    v2g(capsys, "contract", "--pki", folder, "--emaid", EMAID)
    _, told = v2g(capsys, "proof", "--pki", folder, "--emaid", EMAID, "--driver", 7)
    key = VehicleKey(read_contract(folder, EMAID).key)

    said = jwt.decode(told["proof"], key.public_pem, algorithms=["ES256"])
    assert (said["purpose"], said["driver_id"]) == ("enrol", 7)


@pytest.mark.parametrize(
    "arguments",
    [
        ("contract", "--emaid", "../x"),
        ("authorize", "--emaid", "DE000UNKNOWN00"),
        ("new",),
    ],
)
def test_what_cannot_be_done_is_wrong_use(folder, capsys, arguments):
    command, *rest = arguments
    code, _ = v2g(capsys, command, "--pki", folder, *rest)
    assert code == ExitCode.USAGE


def test_a_folder_without_pki_is_named(tmp_path):
    with pytest.raises(UnableToUnderstand, match="v2g new"):
        TestPki.read(tmp_path)
    with pytest.raises(OSError, match="nothing"):
        read_key(tmp_path / "nothing")


def ask(responder, contract):
    issuer = contract.chain[0]
    question = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(contract.leaf, issuer, hashes.SHA256())
        .build()
        .public_bytes(serialization.Encoding.DER)
    )
    sent = urllib.request.Request(responder.url, question)
    with urllib.request.urlopen(sent, timeout=20) as told:
        return ocsp.load_der_ocsp_response(told.read())


def test_the_responder_tells_good_from_revoked(folder, capsys):
    v2g(capsys, "contract", "--pki", folder, "--emaid", EMAID)
    contract = read_contract(folder, EMAID)
    with OcspResponder(lambda: TestPki.read(folder)) as responder:
        assert ask(responder, contract).certificate_status is ocsp.OCSPCertStatus.GOOD
        v2g(capsys, "revoke", "--pki", folder, "--emaid", EMAID)
        told = ask(responder, contract)
        assert told.certificate_status is ocsp.OCSPCertStatus.REVOKED
        assert responder.asked == 2


def test_the_responder_answers_nonsense_and_strangers():
    pki, stranger = TestPki.new(), TestPki.new()
    with OcspResponder(lambda: pki) as responder:
        told = ask(responder, stranger.contract(EMAID))
        assert told.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
        sent = urllib.request.Request(responder.url, b"x")
        with urllib.request.urlopen(sent, timeout=20) as answer:
            told = ocsp.load_der_ocsp_response(answer.read())
        assert told.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_contracts_may_be_expired_and_stations_have_certificates():
    pki, now = TestPki.new(), datetime.now(UTC)
    assert pki.contract(EMAID, life=timedelta(days=-1)).leaf.not_valid_after_utc < now
    leaf, key = pki.station("SECC-1")
    assert leaf.public_key() == key.public_key()
    leaf.verify_directly_issued_by(pki.authorities["cpo-sub2"].certificate)
    assert pki.contract(EMAID).token(central=True).hash_data == ()
