"""Firmware campaigns: waves, quota, pauses, the end; by service and by REST."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction

from charge_points import tasks
from charge_points.handlers.v16.outgoing import outgoing_v16
from charge_points.handlers.v201.outgoing import outgoing_v201
from charge_points.models import (
    ChargePoint,
    Command,
    FirmwareCampaign,
    FirmwareCampaignMember,
    FirmwareFile,
    FirmwareUpdate,
)
from charge_points.services import campaigns, commands, firmware
from charge_points.services.campaigns import waves
from charge_points.services.commands import queueing
from charge_points.services.facts import CommandAnswer
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of, system_of
from tests.integration.charge_points.world import NOON, later, make_station, told

CAMPAIGNS = "/api/v1/operator/firmware-campaigns"
END = later(days=30)


def set_up(station, *, online=True, version="1.6", **fields):
    ChargePoint.objects.filter(pk=station.id).update(
        ocpp_version=version,
        connected_at=NOON,
        disconnected_at=None if online else NOON,
        **{"firmware_version": "1.0", "vendor": "ACME", **fields},
    )


@pytest.fixture
def five(station):
    found = [station, *(make_station(f"CP-1{n}") for n in range(4))]
    for one in found:
        set_up(one)
    return found


@pytest.fixture
def file(operator):
    return make_file(operator.pk)


def make_file(operator_id, **more):
    told_of = {
        "vendor": "acme",
        "version": "2.0",
        "file_name": "f.bin",
        "stored_as": "firmware/f",
        "size_bytes": 1,
        "sha256": "0" * 64,
        "md5": "0" * 32,
        "uploaded_by": "anna",
        "uploaded_at": NOON,
        **more,
    }
    return FirmwareFile.objects.create(operator_id=operator_id, **told_of)


def begin(stations, file, at=NOON, **more):
    wanted = {
        "operator_id": file.operator_id,
        "name": "Spring",
        "firmware_id": file.pk,
        "stations": tuple(station.row for station in stations),
        "selection": {"vendor": "acme"},
        "idempotency_key": "key",
        "starts_at": at,
        "ends_at": END,
        "first_wave_size": 2,
        "wave_size": 2,
        "success_quota_percent": 100,
        "failure_limit_percent": 50,
        **more,
    }
    return campaigns.create(wanted=campaigns.Wanted(**wanted), by="anna", at=at)


def step(at=NOON):
    return campaigns.sweep(at=at)


@transaction.atomic
def killed_step():
    step()
    raise RuntimeError("the worker was killed before the commit")


def send_all(stations, at=NOON):
    """What the gateway does with those that are connected."""
    sent = commands.take_for_delivery(
        charge_point_ids=[s.id for s in stations], node="n", at=at
    )
    commands.record_answers(
        answers=[
            CommandAnswer(
                command_id=one.command_id, accepted=True, status="Accepted", at=at
            )
            for one in sent
        ]
    )
    return sent


def tell(station, status, at=NOON):
    firmware.record_status(
        **station.who,
        request_id=FirmwareUpdate.objects.filter(charge_point_id=station.id)
        .latest("pk")
        .request_id,
        status=status,
        at=at,
    )


def states(row):
    return {k: n for k, n in campaigns.counts_of([row.pk])[row.pk].items() if n}


def member(row, station):
    return FirmwareCampaignMember.objects.get(campaign=row, charge_point_id=station.id)


def by_wave(row, wave):
    found = FirmwareCampaignMember.objects.filter(campaign=row, wave=wave)
    return list(found.order_by("pk").values_list("charge_point__identity", flat=True))


def again(row):
    row.refresh_from_db()
    return row


# -- waves -----------------------------------------------------------------------


def test_waves_open_one_after_the_other_until_all_have_it(five, file):
    row = begin(five, file)
    assert step() == 2
    assert by_wave(row, 1) == ["CP-1", "CP-10"]
    send_all(five)
    tell(five[0], "Installed")
    assert step(later(minutes=1)) == 0, "half a wave is not its quota"
    tell(five[1], "Installed")
    assert step(later(minutes=2)) == 2
    assert by_wave(row, 2) == ["CP-11", "CP-12"]
    send_all(five, later(minutes=2))
    for one in five[2:4]:
        tell(one, "Installed", later(minutes=3))
    assert step(later(minutes=3)) == 1
    send_all(five, later(minutes=3))
    tell(five[4], "Installed", later(minutes=4))
    step(later(minutes=4))
    assert states(row) == {"succeeded": 5}
    assert (again(row).state, row.ended_at) == ("finished", later(minutes=4))
    assert told("FirmwareCampaignFinished") == [
        {
            "campaign_id": row.pk,
            "name": "Spring",
            "firmware_version": "2.0",
            "succeeded": 5,
            "failed": 0,
            "skipped": 0,
            "not_reached": 0,
            "state": "finished",
            "at": "2026-05-04T12:04:00Z",
        }
    ]
    assert step(later(minutes=5)) == 0


def test_a_step_that_is_repeated_or_lost_changes_nothing(five, file):
    row = begin(five, file)
    with pytest.raises(RuntimeError):
        killed_step()
    assert states(row) == {"waiting": 5}
    assert step() == 2
    assert [step() for _ in range(3)] == [0, 0, 0]
    assert Command.objects.count() == 2


def test_stations_that_have_it_already_are_skipped(five, file):
    set_up(five[0], firmware_version="2.0")
    set_up(five[4], firmware_version="2.0", online=False)
    row = begin(five, file)
    step()
    assert by_wave(row, 1) == ["CP-10", "CP-11"]
    assert states(row) == {"ordered": 2, "skipped": 2, "waiting": 1}


def test_a_station_that_is_offline_waits_and_fills_the_open_wave(five, file):
    for one in five[1:]:
        set_up(one, online=False)
    row = begin(five, file)
    assert step() == 1
    send_all(five)
    tell(five[0], "Installed")
    assert step(later(minutes=1)) == 0
    assert again(row).wave == 1
    set_up(five[3])
    assert step(later(minutes=2)) == 1
    assert by_wave(row, 1) == ["CP-1", "CP-12"]


def test_a_station_that_boots_with_the_version_has_it(five, file):
    row = begin(five[:1], file)
    step()
    send_all(five)
    tell(five[0], "Downloading")
    set_up(five[0], firmware_version="2.0")
    step(later(minutes=1))
    assert states(row) == {"succeeded": 1}


def test_a_campaign_for_later_asks_nobody_before(five, file):
    begin(five, file, starts_at=later(hours=1))
    assert step(later(minutes=59)) == 0
    assert step(later(hours=1)) == 2


def test_one_step_orders_only_so_many(five, file, monkeypatch):
    monkeypatch.setattr(waves, "ORDERED_MAX", 2)
    begin(five, file, first_wave_size=5)
    assert [step(), step(), step(), step()] == [2, 2, 1, 0]


def test_a_station_whose_queue_is_full_is_tried_again(five, file, monkeypatch):
    row = begin(five[:1], file)
    monkeypatch.setattr(queueing, "QUEUED_MAX", 0)
    assert step() == 0
    assert "wait already" in member(row, five[0]).detail
    monkeypatch.setattr(queueing, "QUEUED_MAX", 1)
    assert step() == 1


# -- what goes wrong -------------------------------------------------------------


def test_too_many_failures_pause_the_campaign_and_say_so(five, file):
    row = begin(five, file, failure_limit_percent=49)
    step()
    send_all(five)
    tell(five[0], "InstallationFailed")
    step(later(minutes=1))
    assert (again(row).state, row.pause_reason) == ("paused", "failures")
    assert states(row) == {"failed": 1, "ordered": 1, "waiting": 3}
    (fact,) = told("FirmwareCampaignPaused")
    assert (fact["reason"], fact["failed"]) == ("failures", 1)
    assert step(later(minutes=2)) == 0
    assert len(told("FirmwareCampaignPaused")) == 1


def test_who_resumes_accepts_the_failures_so_far(five, file):
    row = begin(five, file, failure_limit_percent=49)
    step()
    send_all(five)
    tell(five[0], "InstallationFailed")
    step()
    assert campaigns.resume(campaign_id=row.pk)
    assert not campaigns.resume(campaign_id=row.pk)
    assert step() == 0, "the rest of the wave is still under way"
    tell(five[1], "Installed")
    assert step() == 2, "the missed quota was accepted with the failures"
    assert again(row).wave == 2
    send_all(five)
    tell(five[2], "Installed")
    tell(five[3], "DownloadFailed")
    step()
    assert again(row).state == "paused"


def test_a_wave_that_misses_its_quota_pauses(five, file):
    row = begin(five, file, failure_limit_percent=100)
    step()
    send_all(five)
    tell(five[0], "InvalidSignature")
    step()
    assert again(row).state == "running"
    tell(five[1], "Installed")
    step()
    assert (again(row).state, row.pause_reason) == ("paused", "quota")
    assert told("FirmwareCampaignPaused")[0]["reason"] == "quota"


def test_the_last_wave_may_miss_its_quota(five, file):
    row = begin(five[:2], file, failure_limit_percent=100)
    step()
    send_all(five)
    tell(five[0], "Installed")
    tell(five[1], "InstallationFailed")
    step()
    assert again(row).state == "finished"
    assert member(row, five[1]).detail == "InstallationFailed"


def test_a_silent_station_has_failed_after_its_time(five, file):
    row = begin(five[:1], file, result_within_s=3600, failure_limit_percent=100)
    step()
    send_all(five, later(minutes=10))
    step(later(minutes=69))
    assert states(row) == {"ordered": 1}
    step(later(minutes=70))
    assert member(row, five[0]).detail == "no result in time"
    assert again(row).state == "finished"


def test_a_failed_station_that_succeeds_later_counts(five, file):
    row = begin(five, file)
    step()
    send_all(five)
    tell(five[0], "DownloadFailed")
    step()
    assert states(row)["failed"] == 1
    tell(five[0], "Downloading")
    tell(five[0], "Installed")
    step()
    assert "failed" not in states(row)


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ({"error_code": "NotImplemented"}, "failed"),
        ({"error_code": "Timeout"}, "ordered"),
        ({"error_code": "UnableToTranslate"}, "failed"),
    ],
    ids=["refused", "silent", "untranslatable"],
)
def test_a_command_that_failed_is_a_failure_unless_the_station_may_act(
    five, file, ending, state
):
    row = begin(five[:2], file, failure_limit_percent=100)
    step()
    sent = commands.take_for_delivery(charge_point_ids=[five[0].id], node="n", at=NOON)
    commands.record_answers(
        answers=[
            CommandAnswer(
                command_id=sent[0].command_id,
                accepted=False,
                status="",
                at=NOON,
                **ending,
            )
        ]
    )
    step()
    assert member(row, five[0]).state == state


def test_what_expired_unsent_waits_again(five, file):
    row = begin(five[:1], file)
    step()
    set_up(five[0], online=False)
    commands.settle_overdue(at=later(days=1))
    step(later(days=1))
    assert states(row) == {"waiting": 1}
    assert FirmwareUpdate.objects.get().status == "Canceled"
    set_up(five[0])
    assert step(later(days=2)) == 1
    assert FirmwareUpdate.objects.count() == 2


def test_an_update_whose_place_another_took_has_failed(five, file):
    row = begin(five[:1], file, failure_limit_percent=100)
    step()
    send_all(five)
    tell(five[0], "Downloading")
    newer = firmware.request_update(
        wanted=firmware.NewUpdate(
            charge_point_id=five[0].id, idempotency_key="own", firmware_id=file.pk
        ),
        by="bert",
        at=NOON,
    )
    firmware.record_answer(
        asked=firmware.Asked(
            **five[0].who,
            command_id=newer.command_number,
            request_id=newer.request_id,
            location="",
        ),
        status="Accepted",
        at=NOON,
    )
    step()
    assert states(row) == {"failed": 1}


# -- pause, abort, end -----------------------------------------------------------


def test_a_pause_takes_back_what_was_not_sent(five, file):
    row = begin(five, file)
    step()
    send_all(five[:1])
    assert campaigns.pause(campaign_id=row.pk, at=NOON)
    assert not campaigns.pause(campaign_id=row.pk, at=NOON)
    assert states(row) == {"ordered": 1, "waiting": 4}
    assert send_all(five) == []
    assert step() == 0
    tell(five[0], "Installed")
    step()
    assert states(row) == {"succeeded": 1, "waiting": 4}
    campaigns.resume(campaign_id=row.pk)
    assert (again(row).forgiven_failures, row.forgiven_wave) == (0, 0)
    assert step() == 1
    assert by_wave(row, 1) == ["CP-1", "CP-11"]


def test_an_aborted_campaign_follows_what_was_sent_and_asks_nobody(five, file):
    row = begin(five, file)
    step()
    send_all(five[:1])
    assert campaigns.abort(campaign_id=row.pk, at=NOON)
    assert not campaigns.abort(campaign_id=row.pk, at=NOON)
    assert states(row) == {"ordered": 1, "cancelled": 4}
    assert send_all(five) == []
    step()
    assert again(row).ended_at is None
    tell(five[0], "Installed", later(hours=1))
    step(later(hours=1))
    assert (again(row).state, row.ended_at) == ("aborted", later(hours=1))
    (fact,) = told("FirmwareCampaignFinished")
    assert (fact["state"], fact["not_reached"]) == ("aborted", 4)
    for move in (campaigns.resume, campaigns.pause):
        more = {} if move is campaigns.resume else {"at": NOON}
        with pytest.raises(campaigns.UnableToRunCampaign) as caught:
            move(campaign_id=row.pk, **more)
        assert caught.value.code == "campaign_over"


@pytest.mark.parametrize("paused", [False, True])
def test_stations_that_never_came_back_are_missed_at_the_end(five, file, paused):
    set_up(five[1], online=False)
    row = begin(five[:2], file)
    step()
    if paused:
        campaigns.pause(campaign_id=row.pk, at=NOON)
    step(END)
    assert states(row) == {"missed": 2}
    assert again(row).state == "finished"
    assert send_all(five, END) == []


# -- beginning -------------------------------------------------------------------


def test_the_same_key_is_the_same_campaign(five, file):
    row = begin(five, file)
    assert begin(five, file).pk == row.pk
    with pytest.raises(campaigns.UnableToRunCampaign) as caught:
        begin(five, file, name="Summer")
    assert caught.value.code == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"firmware_id": 0}, "unknown_firmware"),
        ({"ends_at": NOON}, "campaign_ends_before_begin"),
        ({"ends_at": later(days=181)}, "campaign_too_long"),
    ],
    ids=["file", "end", "length"],
)
def test_a_wrong_campaign_says_why(five, file, wrong, code):
    with pytest.raises(campaigns.UnableToRunCampaign) as caught:
        begin(five, file, **wrong)
    assert caught.value.code == code
    assert not FirmwareCampaign.objects.exists()


def test_a_file_goes_to_its_own_vendor_and_model_only(five, file):
    set_up(five[2], vendor="Other")
    with pytest.raises(campaigns.UnableToRunCampaign) as caught:
        begin(five, file)
    assert caught.value.code == "firmware_not_for_these"
    assert caught.value.extra["charge_points"] == ["CP-11"]


def test_a_foreign_file_cannot_be_rolled_out(five, stranger):
    with pytest.raises(campaigns.UnableToRunCampaign):
        begin(
            five,
            make_file(five[0].operator_id),
            firmware_id=make_file(stranger.operator_id).pk,
        )


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_signed_firmware_goes_out_signed(five, operator, version):
    signed = make_file(
        operator.pk, version="2.1", signature="c2ln", signing_certificate="PEM"
    )
    set_up(five[0], version=version)
    begin(five[:1], signed)
    step()
    command = Command.objects.get()
    translate = outgoing_v16 if version == "1.6" else outgoing_v201
    action, payload = translate(command.intent, command.arguments)
    assert action == ("SignedUpdateFirmware" if version == "1.6" else "UpdateFirmware")
    assert payload["firmware"]["signature"] == "c2ln"
    assert payload["firmware"]["signingCertificate"] == "PEM"
    assert FirmwareUpdate.objects.get().is_signed


# -- REST ------------------------------------------------------------------------


@pytest.fixture
def ours(five, as_role):
    cache.clear()
    return system_of(as_role)


def ask(caller, file, *, key=None, **more):
    body = {
        "name": "Spring",
        "firmware_id": file.pk,
        "filter": {"vendor": "acme"},
        "first_wave_size": 2,
        **more,
    }
    return caller.post(CAMPAIGNS, body, key=key)


def test_a_campaign_by_rest_from_begin_to_abort(ours, five, file):
    begun = ask(ours, file)
    assert begun.status_code == 202, begun.content
    body = begun.json()
    path = f"{CAMPAIGNS}/{body['id']}"
    assert (body["size"], body["state"], body["counts"]["waiting"]) == (5, "running", 5)
    assert tasks.advance_firmware_campaigns() == 2
    send_all(five, FirmwareCampaign.objects.get().created_at + timedelta(minutes=1))
    tell(five[0], "Downloading")

    shown = ours.get(path, state="ordered").json()
    assert [row["charge_point"] for row in shown["members"]["results"]] == [
        "CP-10",
        "CP-1",
    ]
    assert shown["members"]["results"][1]["update_status"] == "Downloading"
    assert len(ours.get(path, page_size=3).json()["members"]["results"]) == 3
    for move, state in (("pause", "paused"), ("resume", "running")):
        for _ in range(2):
            assert ours.post(f"{path}/{move}").json()["state"] == state
    assert ours.post(f"{path}/abort").json()["counts"]["cancelled"] == 3
    assert problem_of(ours.post(f"{path}/pause")) == (409, "campaign_over")
    assert [row["id"] for row in ours.rows(CAMPAIGNS)] == [body["id"]]
    deeds = AuditEntry.objects.filter(action__startswith="firmware_campaign.")
    assert sorted(deeds.values_list("action", flat=True)) == [
        "firmware_campaign.aborted",
        "firmware_campaign.paused",
        "firmware_campaign.resumed",
        "firmware_campaign.started",
    ]


def test_the_same_key_by_rest_is_the_same_campaign(ours, file):
    first = ask(ours, file, key="k").json()["id"]
    assert ask(ours, file, key="k").json()["id"] == first


def test_a_foreign_campaign_is_not_there(ours, file, stranger, as_role):
    path = f"{CAMPAIGNS}/{ask(ours, file).json()['id']}"
    theirs = system_of(as_role, "two")
    assert problem_of(theirs.get(path)) == (404, "unknown_firmware_campaign")
    for move in ("pause", "resume", "abort"):
        assert theirs.post(f"{path}/{move}").status_code == 404
    assert theirs.rows(CAMPAIGNS) == []
    reader = system_of(as_role, "one", "charge_points:read")
    assert reader.get(path).status_code == 200
    assert reader.post(f"{path}/pause").status_code == 403
    assert ask(reader, file).status_code == 403


# -- walls -----------------------------------------------------------------------


def test_the_database_keeps_a_campaign_inside_its_operator(five, file, stranger):
    row = begin(five, file)
    FirmwareCampaignMember.objects.create(
        operator_id=stranger.operator_id, campaign=row, charge_point_id=stranger.id
    )
    with connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends_at": later(days=-1)},
        {"wave_size": 0},
        {"success_quota_percent": 101},
        {"state": "paused"},
        {"pause_reason": "staff"},
    ],
    ids=["end", "wave", "percent", "reason", "no pause"],
)
def test_the_database_refuses_a_wrong_campaign(five, file, wrong):
    row = begin(five, file)
    with pytest.raises(IntegrityError), transaction.atomic():
        FirmwareCampaign.objects.filter(pk=row.pk).update(**wrong)


def test_the_database_refuses_an_order_without_wave(five, file):
    row = begin(five, file)
    with pytest.raises(IntegrityError), transaction.atomic():
        FirmwareCampaignMember.objects.filter(campaign=row).update(state="ordered")
