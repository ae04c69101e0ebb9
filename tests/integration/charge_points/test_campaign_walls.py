"""Firmware campaigns by REST, and what the database keeps of them."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction

from charge_points import tasks
from charge_points.models import FirmwareCampaign, FirmwareCampaignMember
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of, system_of
from tests.integration.charge_points.rolling_out import (
    CAMPAIGNS,
    begin,
    file,
    five,
    send_all,
    tell,
)
from tests.integration.charge_points.world import later

__all__ = ["file", "five"]


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
