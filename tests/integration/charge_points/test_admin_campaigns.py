"""Firmware from the console: upload, roll out, pause, resume, abort; other forms."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from charge_points import tasks
from charge_points.models import (
    ChargePoint,
    Command,
    FirmwareCampaign,
    FirmwareFile,
    LogUpload,
    Reservation,
)
from cpms.accounts.models import AuditEntry, Operator
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    gateway,
    make_staff,
    set_version,
)
from tests.integration.charge_points.world import make_station


def at(name, *keys):
    return reverse(f"admin:charge_points_{name}", args=keys)


@pytest.fixture
def both(station):
    found = [station, make_station("CP-10")]
    for one in found:
        set_version(one, "1.6")
    ChargePoint.objects.update(
        connected_at=timezone.now(), vendor="ACME", firmware_version="1.0"
    )
    return found


@pytest.fixture
def web(client, both, as_role, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    client.force_login(
        make_staff("tech@example.org", both[0].operator_id, "technician")
    )
    with as_role("app"):
        yield client


def upload(client, **more):
    with gateway():
        operator = Operator.objects.get().pk
    form = {
        "operator": operator,
        "file": SimpleUploadedFile("f.bin", b"firmware"),
        "version": "2.0",
        "vendor": "acme",
        "key": "f",
        **more,
    }
    return client.post(at("firmwarefile_add"), form)


def begin(client, **more):
    with gateway():
        firmware = FirmwareFile.objects.get().pk
    form = {
        "name": "Spring",
        "firmware": firmware,
        "vendor": "acme",
        "first_wave_size": 1,
        "wave_size": 5,
        "success_quota_percent": 90,
        "failure_limit_percent": 10,
        "result_within_h": 6,
        "days": 30,
        "key": "c",
        **more,
    }
    return client.post(at("firmwarecampaign_add"), form)


def text(answer):
    return answer.content.decode()


def test_firmware_is_uploaded_and_rolled_out_from_the_console(web):
    assert 'type="file"' in text(web.get(at("firmwarefile_add")))
    assert upload(web).headers["Location"] == at("firmwarefile_changelist")
    assert FirmwareFile.objects.get().size_bytes == 8
    assert "Roll firmware out" in text(web.get(at("firmwarecampaign_add")))
    begun = begin(web)
    row = FirmwareCampaign.objects.get()
    assert begun.headers["Location"] == at("firmwarecampaign_change", row.pk)
    assert (row.size, row.selection) == (2, {"vendor": "acme"})
    with gateway():
        assert tasks.advance_firmware_campaigns() == 1
    page = text(web.get(at("firmwarecampaign_change", row.pk)))
    assert "0 of 2 charge points have a result" in page
    assert "Requested" in page
    only = text(web.get(at("firmwarecampaign_change", row.pk), {"state": "waiting"}))
    assert "CP-10" in only
    listed = text(web.get(at("firmwarecampaign_changelist")))
    assert "0 have it, 0 failed" in listed

    for word, state in (
        ("pause", "paused"),
        ("resume", "running"),
        ("abort", "aborted"),
    ):
        for _ in range(2):
            web.post(at(f"firmwarecampaign_{word}", row.pk))
        row.refresh_from_db()
        assert row.state == state
        if state == "paused":
            assert "Paused: by staff" in text(
                web.get(at("firmwarecampaign_change", row.pk))
            )
    late = web.post(at("firmwarecampaign_pause", row.pk), follow=True)
    assert "nothing more can be done" in text(late)
    deeds = AuditEntry.objects.filter(action__startswith="firmware")
    assert sorted(deeds.values_list("action", flat=True)) == [
        "firmware.uploaded",
        "firmware_campaign.aborted",
        "firmware_campaign.paused",
        "firmware_campaign.resumed",
        "firmware_campaign.started",
    ]


def test_a_refusal_is_told_beside_the_form(web):
    wrong = upload(web, signature="c2ln")
    assert "Give both signing certificate and signature" in text(wrong)
    upload(web)
    assert "Say which charge points" in text(begin(web, vendor=""))
    assert "You have no such charge points: NOBODY" in text(
        begin(web, vendor="", identities="NOBODY")
    )
    assert not FirmwareCampaign.objects.exists()
    begin(web, vendor="", identities="CP-1, CP-10\nCP-1")
    assert FirmwareCampaign.objects.get().size == 2


def test_a_second_click_is_the_same_campaign(web):
    upload(web)
    assert begin(web).headers["Location"] == begin(web).headers["Location"]


@pytest.mark.parametrize("role", ["viewer", "finance"])
def test_who_only_looks_adds_nothing(client, both, as_role, role):
    client.force_login(make_staff("look@example.org", both[0].operator_id, role))
    with as_role("app"):
        for name in ("firmwarefile", "firmwarecampaign", "reservation", "logupload"):
            assert client.get(at(f"{name}_add")).status_code == 403
            assert client.get(at(f"{name}_changelist")).status_code == 200


def test_a_foreign_campaign_is_not_moved(stranger, web):
    with gateway():
        file = FirmwareFile.objects.create(
            operator_id=stranger.operator_id,
            version="2.0",
            file_name="f",
            stored_as="f",
            size_bytes=1,
            sha256="0" * 64,
            md5="0" * 32,
            uploaded_by="x",
            uploaded_at=timezone.now(),
        )
        now = timezone.now()
        row = FirmwareCampaign.objects.create(
            operator_id=stranger.operator_id,
            name="Theirs",
            firmware=file,
            size=0,
            first_wave_size=1,
            wave_size=1,
            success_quota_percent=90,
            failure_limit_percent=10,
            result_within_s=60,
            idempotency_key="x",
            requested_by="x",
            created_at=now,
            starts_at=now,
            ends_at=now + timedelta(days=1),
        )
    assert web.post(at("firmwarecampaign_abort", row.pk)).status_code == 404
    form = begin_form(web, file.pk)
    assert "Select a valid choice" in text(form)


def begin_form(client, firmware):
    return client.post(
        at("firmwarecampaign_add"), {"name": "x", "firmware": firmware, "key": "k"}
    )


def test_a_reservation_is_asked_for_from_the_console(web, both):
    form = {
        "charge_point": "CP-1",
        "evse": 1,
        "id_token": "AB12",
        "minutes": 30,
        "key": "r",
    }
    assert web.get(at("reservation_add")).status_code == 200
    unknown = web.post(at("reservation_add"), {**form, "charge_point": "NOBODY"})
    assert "You have no charge point NOBODY" in text(unknown)
    done = web.post(at("reservation_add"), form)
    assert done.headers["Location"] == at("reservation_changelist")
    assert Reservation.objects.get().id_token == "AB12"
    assert Command.objects.get().intent == "reserve"


def test_a_log_is_asked_for_from_the_console(web, both):
    form = {"charge_point": "CP-1", "kind": "DiagnosticsLog", "hours": 5, "key": "l"}
    assert web.get(at("logupload_add")).status_code == 200
    done = web.post(at("logupload_add"), form)
    assert done.status_code == 302, text(done)
    row = LogUpload.objects.get()
    assert row.oldest_at is not None
    assert AuditEntry.objects.filter(action="log.requested").exists()


def test_who_only_looks_moves_no_campaign(web, client, both):
    upload(web)
    begin(web)
    row = FirmwareCampaign.objects.get()
    with gateway():
        viewer = make_staff("view@example.org", both[0].operator_id, "viewer")
    client.force_login(viewer)
    for word in ("pause", "resume", "abort"):
        assert client.post(at(f"firmwarecampaign_{word}", row.pk)).status_code == 403
    page = text(client.get(at("firmwarecampaign_change", row.pk)))
    assert "Abort" not in page
