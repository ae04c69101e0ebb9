"""Files of stations over HTTP, as stations and operators ask for them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.core.files.uploadedfile import SimpleUploadedFile

from charge_points.models import LogUpload
from charge_points.services import transfers
from tests.integration.charge_points.api_world import STATIONS, system_of

FIRMWARE = "/api/v1/operator/firmware"

CONTENT = bytes(range(256)) * 4

WIRE = "application/octet-stream"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def ours(station, stranger, as_role):
    return system_of(as_role)


def path(station, what):
    return f"{STATIONS}/{station.identity}/{what}"


def files(media):
    return [each for each in media.rglob("*") if each.is_file()]


def asked(ours, station, **wanted):
    answer = ours.post(path(station, "logs"), wanted)
    assert answer.status_code == 202, answer.content
    return LogUpload.objects.get(pk=answer.json()["id"])


def address(row):
    url = transfers.upload_address(operator_id=row.operator_id, upload_id=row.pk)
    return "/" + url.split("/", 3)[3]


def put(ours, where, content=CONTENT):
    with ours.as_role("app"):
        return ours.client.put(where, content, content_type=WIRE)


def upload(ours, **fields):
    sent = SimpleUploadedFile("fw.bin", CONTENT)
    with ours.as_role("app"):
        return ours.client.post(FIRMWARE, {"file": sent, "version": "1.2", **fields})


def body(answer):
    return b"".join(answer.streaming_content)


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Maker")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=9999))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def signed(kind, content):
    if kind == "ecdsa":
        key = ec.generate_private_key(ec.SECP256R1())
        return key, key.sign(content, ec.ECDSA(hashes.SHA256()))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pad = padding.PKCS1v15()
    if kind == "pss":
        pad = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return key, key.sign(content, pad, hashes.SHA256())


def upload_signed(ours, kind, content):
    key, signature = signed(kind, content)
    return upload(
        ours,
        signing_certificate=certificate(key),
        signature=base64.b64encode(signature).decode(),
    )
