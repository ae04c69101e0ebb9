import base64
import hashlib
import stat

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulators.errors import UnableToUnderstand
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import CLOCK_ERROR_S, Attack, Proof, forge, sign


@pytest.fixture
def key():
    return VehicleKey.generate()


def test_the_fingerprint_is_that_of_the_public_keys_der(key):
    lines = key.public_pem.splitlines()[1:-1]
    der = base64.b64decode("".join(lines))

    assert key.fingerprint == hashlib.sha256(der).hexdigest()


def test_a_key_file_is_for_its_owner_only_and_comes_back(key, tmp_path):
    path = tmp_path / "car.pem"
    key.write(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert VehicleKey.read(path).fingerprint == key.fingerprint
    with pytest.raises(UnableToUnderstand, match="cannot be written"):
        key.write(path)


def test_what_is_no_elliptic_key_is_refused(tmp_path):
    text = tmp_path / "text.pem"
    text.write_text("no key")
    other = tmp_path / "rsa.pem"
    other.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    for path in (text, tmp_path / "missing.pem"):
        with pytest.raises(UnableToUnderstand, match="no readable PEM"):
            VehicleKey.read(path)
    with pytest.raises(UnableToUnderstand, match="elliptic"):
        VehicleKey.read(other)


def test_a_request_for_a_certificate_is_signed_by_the_key(key):
    request = x509.load_pem_x509_csr(key.csr_pem("car").encode())

    assert request.is_signature_valid
    assert request.public_key() == key.private.public_key()


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [
        (ec.SECP256R1(), "ES256"),
        (ec.SECP384R1(), "ES384"),
        (ec.SECP521R1(), "ES512"),
    ],
)
def test_a_proof_is_a_jws_with_the_keys_fingerprint(curve, algorithm):
    key = VehicleKey.generate(curve)
    proof = Proof(
        certificate_hash="H", station="CP1", max_amount_minor=5000, currency="EUR"
    )
    text = sign(proof.payload(), key)

    header = jwt.get_unverified_header(text)
    assert (header["kid"], header["alg"]) == (key.fingerprint, algorithm)
    content = jwt.decode(text, key.private.public_key(), algorithms=[algorithm])
    assert content.pop("iat") > 0
    assert content.pop("jti")
    assert content == {
        "certificate_hash": "H",
        "station": "CP1",
        "purpose": "charge",
        "max_amount_minor": 5000,
        "currency": "EUR",
    }


def test_every_proof_has_an_id_of_its_own():
    proof = Proof(certificate_hash="H", station="CP1")

    assert proof.payload()["jti"] != proof.payload()["jti"]
    assert "max_amount_minor" not in proof.payload()


def test_each_attack_changes_what_its_name_says(key):
    honest = Proof(certificate_hash="H", station="CP1", issued_at=10**9).payload()

    def said(attack):
        text = forge(honest, key, attack)
        return jwt.decode(text, options={"verify_signature": False})

    assert said(Attack.WRONG_STATION)["station"] == "CP1-OTHER"
    assert said(Attack.SLOW_CLOCK)["iat"] == 10**9 - CLOCK_ERROR_S
    assert said(Attack.FAST_CLOCK)["iat"] == 10**9 + CLOCK_ERROR_S
    assert said(Attack.WRONG_CERTIFICATE)["certificate_hash"] != "H"
    assert said(Attack.WRONG_PURPOSE)["purpose"] == "login"
    assert said(Attack.FOREIGN_KEY) == honest
    assert said(Attack.NO_SIGNATURE) == honest
    assert said(Attack.REPLAYED_PROOF) == honest


@pytest.mark.parametrize("attack", [Attack.FOREIGN_KEY, Attack.NO_SIGNATURE])
def test_a_forged_signature_names_the_key_and_does_not_hold(key, attack):
    text = forge(Proof(certificate_hash="H", station="S").payload(), key, attack)

    assert jwt.get_unverified_header(text)["kid"] == key.fingerprint
    with pytest.raises(jwt.PyJWTError):
        jwt.decode(text, key.private.public_key(), algorithms=["ES256"])
