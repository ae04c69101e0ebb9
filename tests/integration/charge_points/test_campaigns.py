"""Firmware campaigns: waves, pauses, the beginning and the end."""

import pytest

from charge_points.handlers.v16.outgoing import outgoing_v16
from charge_points.handlers.v201.outgoing import outgoing_v201
from charge_points.models import Command, FirmwareCampaign, FirmwareUpdate
from charge_points.services import campaigns
from charge_points.services.campaigns import waves
from charge_points.services.commands import queueing
from tests.integration.charge_points.rolling_out import (
    END,
    again,
    begin,
    by_wave,
    file,
    five,
    killed_step,
    make_file,
    member,
    send_all,
    set_up,
    states,
    step,
    tell,
)
from tests.integration.charge_points.world import NOON, later, told

__all__ = ["file", "five"]


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
