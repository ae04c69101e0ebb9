from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cpms.accounts.models import (
    Vehicle,
)
from cpms.accounts.models.authority import VehicleAuthority
from cpms.accounts.services import drivers, vehicles
from cpms.accounts.services.sealing import UnableToUnseal
from cpms.accounts.services.vehicle_ca import BACKDATE, CertificateAuthority
from cpms.kernel.ids import sha256_hex

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery 7"

pytestmark = pytest.mark.django_db


def sign_up(email="ann@example.org"):
    return drivers.sign_up(email=email, password=PASSWORD, locale="de", at=AT)


@pytest.fixture
def driver_id():
    return sign_up().driver_id


def public_pem(key):
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def make_csr(key, *, algorithm=hashes.SHA256()):  # noqa: B008 - a constant
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "my car")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, algorithm)


def csr_pem(key, **how):
    csr = make_csr(key, **how)
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def enrol(driver_id, *, public_key_pem="", csr_pem="", label="Car", at=AT):
    return vehicles.enrol(
        driver_id=driver_id,
        label=label,
        public_key_pem=public_key_pem,
        csr_pem=csr_pem,
        at=at,
    )


@pytest.mark.parametrize("curve", vehicles.CURVES)
def test_a_vehicle_is_enrolled_by_its_public_key(driver_id, curve):
    key = ec.generate_private_key(curve())

    vehicle = enrol(driver_id, public_key_pem=public_pem(key), label="Blue")

    kept = Vehicle.objects.get(pk=vehicle.pk)
    assert kept.fingerprint == vehicles.fingerprint_of(key.public_key())
    assert (kept.driver_id, kept.label, kept.status) == (driver_id, "Blue", "active")
    assert kept.public_key_pem == public_pem(key)
    assert kept.certificate_pem == ""
    assert kept.enrolled_at == AT


def test_a_fingerprint_is_sha_256_of_the_spki():
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    assert vehicles.fingerprint_of(key) == sha256_hex(spki)


@pytest.mark.parametrize("curve", vehicles.CURVES)
def test_a_request_is_answered_with_a_certificate_of_the_vehicle_ca(driver_id, curve):
    key = ec.generate_private_key(curve())

    vehicle = enrol(driver_id, csr_pem=csr_pem(key))

    certificate = x509.load_pem_x509_certificate(vehicle.certificate_pem.encode())
    authority = x509.load_pem_x509_certificate(
        VehicleAuthority.objects.get().certificate_pem.encode()
    )
    certificate.verify_directly_issued_by(authority)
    assert certificate.public_key() == key.public_key()
    name = x509.NameAttribute(NameOID.COMMON_NAME, vehicle.fingerprint)
    assert certificate.subject == x509.Name([name])
    assert certificate.not_valid_before_utc == AT - BACKDATE
    assert certificate.not_valid_after_utc == AT + vehicles.CERTIFICATE_LIFETIME
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(purposes.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert vehicle.public_key_pem == public_pem(key)


def test_a_certificate_verifies_as_a_clients_against_the_ca(driver_id):
    key = ec.generate_private_key(ec.SECP256R1())
    vehicle = enrol(driver_id, csr_pem=csr_pem(key))
    authority = CertificateAuthority.load(at=AT).certificate

    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert constraints.value.path_length == 0
    authority.verify_directly_issued_by(authority)
    leaf = x509.load_pem_x509_certificate(vehicle.certificate_pem.encode())
    assert leaf.issuer == authority.subject
    assert leaf.serial_number != authority.serial_number


def test_the_vehicle_ca_is_made_once(driver_id):
    for _ in range(2):
        key = ec.generate_private_key(ec.SECP256R1())
        enrol(driver_id, csr_pem=csr_pem(key))

    first = CertificateAuthority.load(at=AT)
    assert VehicleAuthority.objects.count() == 1
    again = CertificateAuthority.load(at=AT + timedelta(days=1))
    assert again.certificate == first.certificate
    assert first.key.public_key() == first.certificate.public_key()


def test_a_public_key_needs_no_vehicle_ca(driver_id):
    key = ec.generate_private_key(ec.SECP256R1())
    enrol(driver_id, public_key_pem=public_pem(key))

    assert not VehicleAuthority.objects.exists()


def test_the_vehicle_ca_key_is_not_readable_in_the_database(driver_id, settings):
    CertificateAuthority.load(at=AT)
    row = VehicleAuthority.objects.get()

    assert "PRIVATE KEY" not in row.private_key_encrypted
    settings.KEY_ENCRYPTION_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    with pytest.raises(UnableToUnseal, match="KEY_ENCRYPTION_KEY") as caught:
        CertificateAuthority.load(at=AT)
    assert caught.value.status == 500


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    "make",
    [
        rsa_key,
        ed25519.Ed25519PrivateKey.generate,
        lambda: ec.generate_private_key(ec.SECP256K1()),
    ],
    ids=["RSA", "Ed25519", "secp256k1"],
)
def test_other_kinds_of_keys_are_refused(driver_id, make):
    key = make()
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()

    for way in (
        {"public_key_pem": public_pem(key)},
        {"csr_pem": csr_pem(key, algorithm=algorithm)},
    ):
        with pytest.raises(vehicles.UnableToEnrolVehicle, match="P-256") as caught:
            enrol(driver_id, **way)
        assert caught.value.code == "vehicle_key_unsupported"
        assert caught.value.status == 422
    assert not Vehicle.objects.exists()


def private_pem():
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


GARBAGE = [
    "garbage",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    "-----BEGIN PUBLIC KEY-----",
    "\x00\x01\x02",
    "Schlüssel",
    "\ud800",
]


@pytest.mark.parametrize("pem", [*GARBAGE, private_pem()])
def test_what_is_no_public_key_is_refused(driver_id, pem):
    with pytest.raises(vehicles.UnableToEnrolVehicle) as caught:
        enrol(driver_id, public_key_pem=pem)
    assert caught.value.code == "vehicle_key_invalid"


@pytest.mark.parametrize(
    "pem",
    [
        *GARBAGE,
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
    ],
)
def test_what_is_no_request_is_refused(driver_id, pem):
    with pytest.raises(vehicles.UnableToEnrolVehicle) as caught:
        enrol(driver_id, csr_pem=pem)
    assert caught.value.code == "csr_invalid"


def test_a_request_that_another_key_signed_is_refused(driver_id):
    mine, theirs = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    encoding = serialization.Encoding.DER
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    request = make_csr(mine).public_bytes(encoding)
    forged = request.replace(
        mine.public_key().public_bytes(encoding, spki),
        theirs.public_key().public_bytes(encoding, spki),
    )
    assert forged != request
    pem = x509.load_der_x509_csr(forged).public_bytes(serialization.Encoding.PEM)

    with pytest.raises(vehicles.UnableToEnrolVehicle) as caught:
        enrol(driver_id, csr_pem=pem.decode())
    assert caught.value.code == "csr_signature_invalid"
    assert not Vehicle.objects.exists()
    assert not VehicleAuthority.objects.exists()


def test_exactly_one_of_key_and_request_is_needed(driver_id):
    key = ec.generate_private_key(ec.SECP256R1())

    for way in ({}, {"public_key_pem": public_pem(key), "csr_pem": csr_pem(key)}):
        with pytest.raises(vehicles.UnableToEnrolVehicle, match="exactly one") as e:
            enrol(driver_id, **way)
        assert e.value.code == "vehicle_key_missing"


def test_too_much_pem_is_refused_before_it_is_read(driver_id):
    for name in ("public_key_pem", "csr_pem"):
        with pytest.raises(vehicles.UnableToEnrolVehicle, match="More than 8192"):
            enrol(driver_id, **{name: "A" * (vehicles.PEM_BYTES_MAX + 1)})


def test_a_key_is_enrolled_once_at_a_time(driver_id):
    other = sign_up("bob@example.org").driver_id
    key = ec.generate_private_key(ec.SECP256R1())
    first = enrol(driver_id, csr_pem=csr_pem(key))

    for who in (driver_id, other):
        with pytest.raises(vehicles.UnableToEnrolVehicle) as caught:
            enrol(who, csr_pem=csr_pem(key))
        assert caught.value.code == "vehicle_enrolled_already"
    vehicles.revoke(driver_id=driver_id, vehicle_id=first.pk, at=AT)
    second = enrol(other, csr_pem=csr_pem(key))

    found = vehicles.active_by_fingerprint(fingerprint=first.fingerprint)
    assert found == second
    assert found.driver.pk == other
    assert Vehicle.objects.count() == 2


def test_only_its_driver_revokes_a_vehicle(driver_id):
    other = sign_up("bob@example.org").driver_id
    key = ec.generate_private_key(ec.SECP256R1())
    vehicle = enrol(driver_id, public_key_pem=public_pem(key))

    assert not vehicles.revoke(driver_id=other, vehicle_id=vehicle.pk, at=AT)
    assert vehicles.active_by_fingerprint(fingerprint=vehicle.fingerprint) == vehicle
    assert vehicles.revoke(driver_id=driver_id, vehicle_id=vehicle.pk, at=AT)
    assert vehicles.revoke(
        driver_id=driver_id, vehicle_id=vehicle.pk, at=AT + timedelta(hours=1)
    )

    assert vehicles.active_by_fingerprint(fingerprint=vehicle.fingerprint) is None
    vehicle.refresh_from_db()
    assert (vehicle.status, vehicle.revoked_at) == ("revoked", AT)


def test_an_account_holds_so_many_active_vehicles(driver_id):
    Vehicle.objects.bulk_create(
        Vehicle(
            driver_id=driver_id,
            label=str(number),
            fingerprint=f"{number:064x}",
            public_key_pem="-",
            enrolled_at=AT,
        )
        for number in range(vehicles.VEHICLES_PER_DRIVER_MAX)
    )
    pem = public_pem(ec.generate_private_key(ec.SECP256R1()))

    with pytest.raises(vehicles.UnableToEnrolVehicle, match="at most 50") as caught:
        enrol(driver_id, public_key_pem=pem)
    assert caught.value.code == "too_many_vehicles"
    gone = Vehicle.objects.first()
    vehicles.revoke(driver_id=driver_id, vehicle_id=gone.pk, at=AT)
    assert enrol(driver_id, public_key_pem=pem).status == "active"
