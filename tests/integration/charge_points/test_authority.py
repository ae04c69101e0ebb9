"""The built-in CA: names, rotation, and renewal of a whole network."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.management import call_command
from django.utils import timezone
from hypothesis import given, settings, strategies as st

from charge_points.models import Command, StationCertificate
from charge_points.services import public_keys, wake
from charge_points.services.public_keys import authority, signing
from charge_points.services.public_keys.authority import _dns
from charge_points.services.public_keys.csr import UnableToSign, check
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
NAMES = st.text("abAB01-_.:", min_size=1, max_size=8)


@given(NAMES, NAMES)
def test_two_identities_never_have_one_dns_name(one, other):
    if one != other:
        assert _dns(one).lower() != _dns(other).lower()
    assert all(label and len(label) <= 63 for label in _dns(one).split("."))


def csr(name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def issued(station):
    assert station.call("SignCertificate", {"csr": csr(station.identity)}) == {
        "status": "Accepted"
    }
    command = Command.objects.filter(
        charge_point_id=station.id, action="CertificateSigned"
    ).latest("pk")
    station.answer("CertificateSigned", command.payload, {"status": "Accepted"})
    pem = command.payload["certificateChain"].encode()
    return x509.load_pem_x509_certificates(pem)


CSR_DER = x509.load_pem_x509_csr(csr("CP").encode()).public_bytes(
    serialization.Encoding.DER
)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(CSR_DER) - 1).map(lambda cut: CSR_DER[:cut])
    | st.tuples(st.integers(0, len(CSR_DER) - 1), st.integers(1, 255)).map(
        lambda spot: (
            CSR_DER[: spot[0]]
            + bytes([CSR_DER[spot[0]] ^ spot[1]])
            + CSR_DER[spot[0] + 1 :]
        )
    )
)
@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_no_mutated_request_crashes_the_check_or_is_signed(der):
    text = base64.encodebytes(der).decode()
    pem = (
        f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----"
    )
    with pytest.raises(UnableToSign):
        check(pem, names=("CP",))


@pytest.fixture
def told(monkeypatch):
    """What the gateways are told."""
    channels = []
    monkeypatch.setattr(wake, "_publish", lambda channel, _: channels.append(channel))
    return channels


@pytest.mark.parametrize("root", [False, True])
def test_a_new_ca_signs_and_the_former_stays_trusted(
    told, django_capture_on_commit_callbacks, capsys, root
):
    station = Station("2.0.1")
    before, first_sub = issued(station)
    roots = {authority.signing(at=station.now).chain[-1]}
    with django_capture_on_commit_callbacks(execute=True):
        call_command("rotate_station_ca", *(["--root"] if root else []))
    assert wake.TRUST_CHANNEL in told
    assert "BEGIN CERTIFICATE" in capsys.readouterr().out

    after, second_sub = issued(station)

    assert second_sub != first_sub
    after.verify_directly_issued_by(second_sub)
    roots.add(authority.signing(at=station.now).chain[-1])
    assert len(roots) == (2 if root else 1)
    trusted = authority.all_certificates()
    assert {first_sub, second_sub, *roots} <= set(trusted)
    # The former CA still answers for what it signed.
    row = StationCertificate.objects.get(serial_number=f"{before.serial_number:x}")
    public_keys.revoke(
        serial_number=row.serial_number,
        operator_ids=[station.operator_id],
        reason="superseded",
        by="test",
        at=station.now,
    )
    der = public_keys.crl(authority_id=row.authority_id, at=station.now)
    listed = x509.load_der_x509_crl(der)
    assert listed.get_revoked_certificate_by_serial_number(before.serial_number)
    assert listed.is_signature_valid(first_sub.public_key())


def test_the_first_ca_is_told_to_the_gateways(told, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        authority.signing(at=timezone.now())
    assert told.count(wake.TRUST_CHANNEL) >= 1


def test_a_network_renews_in_batches_without_a_visit(monkeypatch):
    monkeypatch.setattr(signing, "RENEWALS_MAX", 15)
    stations = [Station("2.0.1", evses=1) for _ in range(40)]
    for station in stations:
        issued(station)
    due = StationCertificate.objects.latest("not_after").not_after - timedelta(days=20)
    by_id = {station.id: station for station in stations}
    done, days = set(), 0
    while len(done) < len(stations):
        at = due + timedelta(days=days)
        assert public_keys.renew_due(at=at) <= 15
        asked = Command.objects.filter(
            action="TriggerMessage", created_at=at
        ).values_list("charge_point_id", flat=True)
        assert asked, "nobody is asked though some are due"
        for key in asked:
            by_id[key].now = at
            issued(by_id[key])
        done |= set(asked)
        days += 1
    assert days == 3
    newest = due + timedelta(days=300)
    assert StationCertificate.objects.filter(not_after__gt=newest).count() == 40
    assert public_keys.renew_due(at=due + timedelta(days=4)) == 0
