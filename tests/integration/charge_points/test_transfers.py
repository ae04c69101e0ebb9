"""Files of stations over HTTP: logs come in, firmware goes out, operators see both."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from charge_points.models import Command, FirmwareFile, LogUpload
from charge_points.services import (
    diagnostics,
    monitoring,
    network_profiles,
    stored_files,
    transfers,
)
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    make_staff,
)
from tests.integration.charge_points.api_world import STATIONS, problem_of, system_of

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


# -- logs ------------------------------------------------------------------------


def test_a_log_is_asked_for_uploaded_and_downloaded(ours, station, media):
    row = asked(ours, station)
    assert Command.objects.get(pk=row.command_number).intent == "get_log"
    assert put(ours, address(row)).status_code == 201

    (shown,) = ours.rows(path(station, "logs"))
    assert (shown["status"], shown["size_bytes"]) == ("Uploaded", len(CONTENT))
    assert shown["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    answer = ours.get(path(station, f"logs/{row.pk}/file"))
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == CONTENT
    assert len(files(media)) == 1


def test_a_station_may_add_the_files_name_and_may_send_a_form(ours, station):
    row = asked(ours, station, kind="SecurityLog")
    sent = SimpleUploadedFile("whatever.zip", CONTENT)
    with ours.as_role("app"):
        answer = ours.client.post(f"{address(row)}/security.log", {"file": sent})

    assert answer.status_code == 201
    row.refresh_from_db()
    assert (row.file_name, row.size_bytes) == ("security.log", len(CONTENT))


def test_a_form_without_file_is_refused(ours, station):
    row = asked(ours, station)
    with ours.as_role("app"):
        answer = ours.client.post(address(row), {"file": "no file"})

    assert answer.json()["code"] == "file_missing"


def test_a_second_upload_replaces_the_first(ours, station, media, as_role):
    row = asked(ours, station)
    put(ours, address(row), b"first")
    put(ours, address(row), b"second")

    row.refresh_from_db()
    assert stored_files.path_of(row.stored_as).read_bytes() == b"second"


def test_an_address_that_is_not_ours_is_unknown(ours, station, media):
    row = asked(ours, station)

    assert put(ours, f"{address(row)[:-1]}~").status_code == 404
    assert put(ours, "/transfer/logs/1-1").status_code == 404
    assert files(media) == []


def test_after_its_time_nothing_is_taken(ours, station, media):
    row = asked(ours, station)
    LogUpload.objects.filter(pk=row.pk).update(upload_until=timezone.now())

    assert put(ours, address(row)).status_code == 410
    assert files(media) == []


def test_a_refused_log_is_not_taken(ours, station):
    row = asked(ours, station)
    LogUpload.objects.filter(pk=row.pk).update(status="Refused")

    assert put(ours, address(row)).status_code == 410


@pytest.mark.parametrize(("content", "status"), [(b"12345", 413), (b"", 411)])
def test_too_much_and_nothing_are_refused(
    ours, station, media, monkeypatch, content, status
):
    monkeypatch.setattr(diagnostics, "FILE_BYTES_MAX", 4)
    row = asked(ours, station)

    assert put(ours, address(row), content).status_code == status
    assert files(media) == []


def test_a_declared_length_over_the_limit_is_refused_unread(ours, station, monkeypatch):
    row = asked(ours, station)
    monkeypatch.setattr(diagnostics, "FILE_BYTES_MAX", -(2**20))

    assert put(ours, address(row)).json()["code"] == "file_too_large"


def test_an_upload_that_is_too_slow_leaves_nothing(media):
    with pytest.raises(stored_files.UnableToStoreFile) as caught:
        stored_files.store(
            folder="logs", chunks=iter([b"x"]), bytes_max=9, seconds_max=-1
        )

    assert caught.value.status == 408
    assert files(media) == []


def test_a_log_without_file_cannot_be_downloaded(ours, station):
    row = asked(ours, station)

    answer = ours.get(path(station, f"logs/{row.pk}/file"))
    assert problem_of(answer) == (404, "log_file_missing")


def test_files_are_forgotten_after_their_time(
    ours, station, media, django_capture_on_commit_callbacks
):
    row = asked(ours, station)
    put(ours, address(row))
    now = timezone.now()
    assert diagnostics.forget(at=now) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert diagnostics.forget(at=now + timedelta(days=91)) == 1

    assert files(media) == []
    row.refresh_from_db()
    assert row.stored_as == ""


# -- firmware ------------------------------------------------------------------------


def upload(ours, **fields):
    sent = SimpleUploadedFile("fw.bin", CONTENT)
    with ours.as_role("app"):
        return ours.client.post(FIRMWARE, {"file": sent, "version": "1.2", **fields})


def fetch(ours, row, until=None, **headers):
    url = transfers.firmware_address(
        operator_id=row.operator_id,
        firmware_id=row.pk,
        until=until or timezone.now() + timedelta(hours=1),
    )
    with ours.as_role("app"):
        return ours.client.get("/" + url.split("/", 3)[3], headers=headers)


def body(answer):
    return b"".join(answer.streaming_content)


def test_firmware_is_uploaded_once_and_fetched(ours, media):
    answer = upload(ours)
    assert answer.status_code == 201, answer.content
    assert upload(ours).json()["id"] == answer.json()["id"]
    assert len(files(media)) == 1
    (shown,) = ours.rows(FIRMWARE)
    assert shown["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert shown["is_signed"] is False

    found = fetch(ours, FirmwareFile.objects.get())
    assert (found.status_code, body(found)) == (200, CONTENT)
    assert found["Accept-Ranges"] == "bytes"
    assert found["ETag"] == f'"{shown["sha256"]}"'


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=1000-9999", 1000, 1024),
        ("bytes=0-", 0, 1024),
    ],
)
def test_a_broken_download_goes_on_where_it_stopped(ours, wanted, first, end):
    upload(ours)
    found = fetch(ours, FirmwareFile.objects.get(), range=wanted)

    assert found.status_code == 206
    assert found["Content-Range"] == f"bytes {first}-{end - 1}/1024"
    assert found["Content-Length"] == str(end - first)
    assert body(found) == CONTENT[first:end]


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5-4", "bytes=-0"])
def test_a_range_that_is_not_there_is_refused(ours, wanted):
    upload(ours)
    found = fetch(ours, FirmwareFile.objects.get(), range=wanted)

    assert (found.status_code, found["Content-Range"]) == (416, "bytes */1024")


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "lines=1-2", "bytes=-"])
def test_other_ranges_are_ignored(ours, wanted):
    upload(ours)
    found = fetch(ours, FirmwareFile.objects.get(), range=wanted)

    assert (found.status_code, body(found)) == (200, CONTENT)


def test_a_download_ends_with_its_time(ours):
    upload(ours)
    row = FirmwareFile.objects.get()

    assert fetch(ours, row, until=timezone.now()).status_code == 410
    assert ours.get("/transfer/firmware/1-1-99.x").status_code == 404


def test_a_lost_file_is_not_found(ours, media):
    upload(ours)
    for each in files(media):
        each.unlink()

    assert fetch(ours, FirmwareFile.objects.get()).status_code == 404


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


@pytest.mark.parametrize("kind", ["ecdsa", "pss", "pkcs1"])
def test_a_right_signature_is_kept(ours, kind):
    answer = upload_signed(ours, kind, CONTENT)

    assert answer.status_code == 201, answer.content
    assert answer.json()["is_signed"] is True


@pytest.mark.parametrize("kind", ["ecdsa", "pss"])
def test_a_wrong_signature_is_refused_and_nothing_kept(ours, media, kind):
    answer = upload_signed(ours, kind, b"something else")

    assert problem_of(answer) == (422, "signature_wrong")
    assert files(media) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"signature": "c2ln"}, "signature_incomplete"),
        ({"signature": "c2ln", "signing_certificate": "x"}, "signature_unreadable"),
    ],
)
def test_half_a_signature_is_refused(ours, media, fields, code):
    assert problem_of(upload(ours, **fields)) == (422, code)
    assert files(media) == []


def test_an_unknown_operator_is_refused(ours):
    assert problem_of(upload(ours, operator="two")) == (400, "unknown_operator")


def test_an_update_is_ordered_and_shown(ours, station):
    key = upload(ours).json()["id"]
    where = path(station, "firmware-updates")
    answer = ours.post(where, {"firmware_id": key, "retries": 2}, key="k")
    assert answer.status_code == 202, answer.content
    again = ours.post(where, {"firmware_id": key, "retries": 2}, key="k")

    assert again.json()["request_id"] == answer.json()["request_id"]
    (shown,) = ours.rows(where)
    assert (shown["status"], shown["firmware_id"]) == ("Requested", key)
    assert Command.objects.get(pk=shown["command"]).intent == "update_firmware"


def test_a_foreign_file_cannot_be_installed(ours, station, as_role):
    key = upload(system_of(as_role, "two")).json()["id"]
    answer = ours.post(path(station, "firmware-updates"), {"firmware_id": key})

    assert problem_of(answer) == (404, "unknown_firmware")


def test_who_may_only_read_orders_nothing(station, stranger, as_role):
    reader = system_of(as_role, "one", "charge_points:read")

    assert upload(reader).status_code == 403
    assert reader.post(path(station, "logs")).status_code == 403
    assert reader.post(path(station, "firmware-updates")).status_code == 403


# -- what stations noticed ---------------------------------------------------------


def test_monitors_events_and_profiles_are_shown(ours, station):
    where = monitoring.Place(component="Heater", variable="Temperature")
    at = timezone.now()
    common = {"charge_point_id": station.id, "operator_id": station.operator_id}
    monitoring.record_set(
        **common,
        facts=[
            monitoring.MonitorFact(
                monitor_id=1,
                place=where,
                kind="UpperThreshold",
                value=Decimal("70.5"),
                severity=3,
            )
        ],
        at=at,
    )
    monitoring.record_events(
        **common,
        facts=[
            monitoring.EventFact(
                event_id=5,
                place=where,
                occurred_at=at,
                trigger="Alerting",
                notification_type="CustomMonitor",
                actual_value="80",
                monitor_id=1,
            )
        ],
        at=at,
    )
    network_profiles.record_set(
        **common,
        slot=1,
        fact=network_profiles.ProfileFact(
            csms_url="wss://csms.example",
            ocpp_version="OCPP20",
            ocpp_transport="JSON",
            ocpp_interface="Wired0",
            security_profile=2,
            message_timeout_s=30,
        ),
        at=at,
    )

    (monitor,) = ours.rows(path(station, "monitors"))
    (event,) = ours.rows(path(station, "events"))
    (profile,) = ours.rows(path(station, "network-profiles"))
    assert (monitor["monitor_id"], monitor["value"]) == (1, "70.500000")
    assert (event["event_id"], event["severity"]) == (5, 3)
    assert profile["slot"] == 1
    assert ours.rows(path(station, "firmware-publications")) == []


def test_the_pages_show_what_came_and_hand_the_file_out(ours, station, client):
    row = asked(ours, station)
    put(ours, address(row))
    upload(ours)
    client.force_login(make_staff("tech@example.org", station.operator_id))
    names = [
        "firmwarefile",
        "firmwareupdate",
        "firmwarepublication",
        "logupload",
        "variablemonitor",
        "stationevent",
        "networkprofile",
    ]
    with ours.as_role("app"):
        pages = {
            name: client.get(reverse(f"admin:charge_points_{name}_changelist"))
            for name in names
        }
        file = client.get(reverse("admin:charge_points_logupload_file", args=[row.pk]))
        none = client.get(reverse("admin:charge_points_logupload_file", args=[0]))

    assert {page.status_code for page in pages.values()} == {200}
    assert "1024 bytes" in pages["logupload"].content.decode()
    assert "fw.bin" in pages["firmwarefile"].content.decode()
    assert (file.status_code, body(file)) == (200, CONTENT)
    assert none.status_code == 404


def test_a_foreign_log_is_not_handed_out(ours, station, client, stranger, as_role):
    row = asked(ours, station)
    put(ours, address(row))
    client.force_login(make_staff("else@example.org", stranger.operator_id))
    with ours.as_role("app"):
        file = client.get(reverse("admin:charge_points_logupload_file", args=[row.pk]))

    assert file.status_code == 404
