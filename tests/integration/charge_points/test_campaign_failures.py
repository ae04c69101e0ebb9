"""Firmware campaigns in which stations fail, stay away or are taken over."""

import pytest

from charge_points.models import FirmwareUpdate
from charge_points.services import campaigns, commands, firmware
from charge_points.services.facts import CommandAnswer
from tests.integration.charge_points.rolling_out import (
    again,
    begin,
    file,
    five,
    member,
    send_all,
    set_up,
    states,
    step,
    tell,
)
from tests.integration.charge_points.world import NOON, later, told

__all__ = ["file", "five"]


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
