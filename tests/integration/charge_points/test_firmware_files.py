"""Firmware over HTTP: uploaded once, proved, fetched in parts."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from charge_points.models import Command, FirmwareFile
from charge_points.services import transfers
from tests.integration.charge_points.admin_world import _no_collected_files
from tests.integration.charge_points.api_world import problem_of, system_of
from tests.integration.charge_points.transferring import (
    CONTENT,
    FIRMWARE,
    body,
    files,
    media,
    ours,
    path,
    upload,
    upload_signed,
)

__all__ = ["_no_collected_files", "media", "ours"]


def fetch(ours, row, until=None, **headers):
    url = transfers.firmware_address(
        operator_id=row.operator_id,
        firmware_id=row.pk,
        until=until or timezone.now() + timedelta(hours=1),
    )
    with ours.as_role("app"):
        return ours.client.get("/" + url.split("/", 3)[3], headers=headers)


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
