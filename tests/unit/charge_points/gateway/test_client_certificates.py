from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, strategies as st

from charge_points.gateway.client_certificates import (
    DER_BYTES_MAX,
    Issuers,
    forwarded_der,
    read,
)

# The parser warns of what it will refuse one day.
pytestmark = pytest.mark.filterwarnings(
    "ignore::cryptography.utils.CryptographyDeprecationWarning"
)
AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(subject, *, issuer="CA", key=None, signer=KEY, extensions=(), days=1):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key((key or KEY).public_key())
        .serial_number(255)
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=days))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer, hashes.SHA256())


CA = make("CA", extensions=[x509.BasicConstraints(ca=True, path_length=None)])
LEAF = make("CP-1", key=ec.generate_private_key(ec.SECP256R1()))
DER = LEAF.public_bytes(serialization.Encoding.DER)
OWN = Issuers(own=(CA,))
FOREIGN = Issuers(foreign=(CA,))


def look(certificate, issuers=FOREIGN, *, is_verified=False, at=AT):
    der = certificate.public_bytes(serialization.Encoding.DER)
    return read(der, issuers, at=at, is_verified=is_verified)


def usage(**given):
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{**dict.fromkeys(names, False), **given})


def test_a_good_certificate_names_its_charge_point_and_number():
    found = look(LEAF)
    assert (found.names, found.serial_number, found.fault) == (("CP-1",), "ff", "")


def test_dns_names_count_unless_the_built_in_ca_wrote_them():
    names = x509.SubjectAlternativeName([x509.DNSName("CP-2")])
    leaf = make("CP.2", extensions=[names])
    assert look(leaf, FOREIGN).names == ("CP.2", "CP-2")
    assert look(leaf, OWN).names == ("CP.2",)


@pytest.mark.parametrize(
    ("extension", "fault"),
    [
        (usage(digital_signature=True), ""),
        (usage(key_agreement=True), ""),
        (usage(key_encipherment=True), "key usage"),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), ""),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), ""),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), "for clients"),
        (x509.BasicConstraints(ca=True, path_length=None), "of a CA"),
        (x509.BasicConstraints(ca=False, path_length=None), ""),
    ],
)
def test_what_the_key_is_for_must_fit(extension, fault):
    found = look(make("CP-1", extensions=[extension])).fault
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        (rsa.generate_private_key(65537, 2048), ""),
        (rsa.generate_private_key(65537, 1024), "too short"),
        (ec.generate_private_key(ec.SECP192R1()), "too short"),
        (ed25519.Ed25519PrivateKey.generate(), "neither RSA nor EC"),
    ],
)
def test_the_key_must_be_strong(key, fault):
    found = look(make("CP-1", key=key)).fault
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize(
    ("days", "fault"), [(-2, "valid from"), (0, ""), (1, ""), (2, "expired at")]
)
def test_time_counts(days, fault):
    found = look(LEAF, at=AT + timedelta(days=days)).fault
    assert fault in found
    assert bool(fault) == bool(found)


def test_a_forwarded_certificate_needs_a_trusted_signature():
    stranger = ec.generate_private_key(ec.SECP256R1())
    forged = make("CP-1", signer=stranger)
    assert "no trusted CA" in look(forged).fault
    assert "no trusted CA" in look(make("CP-1", issuer="Other CA")).fault
    assert "no trusted CA" in look(LEAF, Issuers()).fault
    # The TLS layer has looked at the chain, which may be longer.
    assert look(make("CP-1", issuer="Sub"), is_verified=True).fault == ""


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(noise):
    assert read(noise, FOREIGN, at=AT, is_verified=True).fault


def believed(changed):
    """Whether a copy passes whose signed words or signature are not the same."""
    found = read(changed, FOREIGN, at=AT, is_verified=False)
    if found.fault:
        return False
    # The count of unused bits of a signature that ends in zeros says nothing else.
    copy = x509.load_der_x509_certificate(changed)
    return (copy.tbs_certificate_bytes, copy.signature) != (
        LEAF.tbs_certificate_bytes,
        LEAF.signature,
    )


def test_every_single_changed_bit_is_noticed():
    for place in range(len(DER)):
        for bit in range(8):
            changed = bytearray(DER)
            changed[place] ^= 1 << bit
            assert not believed(bytes(changed))
            # Whatever TLS thought of it, the reader does not break.
            read(bytes(changed), FOREIGN, at=AT, is_verified=True)


@given(st.integers(0, len(DER) - 1), st.integers(1, 255))
def test_no_changed_certificate_is_believed(place, change):
    changed = bytearray(DER)
    changed[place] ^= change
    assert not believed(bytes(changed))


@given(st.integers(0, len(DER) - 1))
def test_no_shortened_certificate_is_believed(length):
    assert read(DER[:length], FOREIGN, at=AT, is_verified=False).fault


def test_a_huge_certificate_is_not_looked_at():
    assert read(DER + bytes(DER_BYTES_MAX), FOREIGN, at=AT, is_verified=True).fault


@given(st.lists(st.text(max_size=80), max_size=3))
def test_no_header_breaks_the_reader(values):
    found = forwarded_der(values)
    assert found is None or isinstance(found, bytes)
