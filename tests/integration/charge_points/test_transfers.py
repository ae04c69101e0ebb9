"""Files of stations over HTTP: logs come in, operators see what was noticed."""

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from charge_points.models import Command, LogUpload
from charge_points.services import (
    diagnostics,
    monitoring,
    network_profiles,
    stored_files,
)
from tests.integration.charge_points.admin_world import _no_collected_files, make_staff
from tests.integration.charge_points.api_world import problem_of
from tests.integration.charge_points.transferring import (
    CONTENT,
    address,
    asked,
    body,
    files,
    media,
    ours,
    path,
    put,
    upload,
)

__all__ = ["_no_collected_files", "media", "ours"]


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
