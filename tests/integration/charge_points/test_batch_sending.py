"""One command for many charge points: sent as there is room, or taken back."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from charge_points import tasks
from charge_points.models import Command, CommandBatch, CommandBatchMember
from charge_points.services import commands
from charge_points.services.commands import batches, queueing
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of
from tests.integration.charge_points.batching import (
    BATCHES,
    SECRET,
    answer_all,
    nonzero,
    ours,
    send,
    send_here,
    set_up,
    show,
    take,
    three,
)

__all__ = ["ours", "three"]


def test_not_more_than_so_many_are_asked_at_once(ours, three):
    batch = send(ours, three, at_once=1).json()
    assert nonzero(batch["counts"]) == {"queued": 1, "waiting": 2}
    for left in (2, 1, 0):
        assert tasks.advance_command_batches() == 0
        (sent,) = take(*three)
        answer_all([sent])
        told = nonzero(show(ours, batch["id"])["counts"])
        assert told.get("waiting", 0) == max(left - 1, 0)
        assert told["accepted"] == 3 - left
    assert show(ours, batch["id"])["state"] == "ended"


def test_stations_that_are_offline_take_no_place_and_come_when_they_are_back(three):
    set_up(three[0], online=False)
    row = send_here(three, at_once=1)
    (sent,) = take(*three)
    assert sent.charge_point_id == three[1].id
    answer_all([sent])
    answer_all(take(*three))
    assert take(*three) == []
    assert nonzero(batches.progress_of([row.pk])[row.pk]) == {
        "accepted": 2,
        "waiting": 1,
    }
    set_up(three[0])
    assert tasks.advance_command_batches() == 1
    assert take(*three)[0].payload == SECRET


def test_a_batch_for_later_is_not_sent_before(three):
    soon = timezone.now() + timedelta(minutes=1)
    row = send_here(three, not_before=soon, at_once=2)
    assert batches.sweep(at=soon - timedelta(seconds=1)) == 0
    assert batches.sweep(at=soon) == 2
    all_at_once = send_here(three, not_before=soon, idempotency_key="2")
    assert nonzero(batches.progress_of([all_at_once.pk])[all_at_once.pk]) == {
        "queued": 3
    }
    assert set(Command.objects.values_list("scheduled_at", flat=True)) == {soon}
    assert row.pk != all_at_once.pk


def test_what_waits_too_long_expires(three):
    set_up(three[0], online=False)
    row = send_here(three, at_once=1)
    batches.sweep(at=row.expires_at)
    commands.settle_overdue(at=row.expires_at)
    batches.sweep(at=row.expires_at)
    assert nonzero(batches.progress_of([row.pk])[row.pk]) == {"expired": 3}
    row.refresh_from_db()
    assert (row.state, row.sealed_payload) == ("ended", "")


def test_a_large_batch_goes_out_in_steps(three, monkeypatch):
    monkeypatch.setattr(batches, "RELEASED_MAX", 2)
    row = send_here(three)
    assert nonzero(batches.progress_of([row.pk])[row.pk]) == {
        "queued": 2,
        "waiting": 1,
    }
    assert tasks.advance_command_batches() == 1
    row.refresh_from_db()
    assert row.sealed_payload == ""


def test_a_station_whose_queue_is_full_fails_alone(ours, three, monkeypatch):
    commands.queue(
        charge_point_id=three[0].id,
        action="ClearCache",
        payload={},
        by="anna",
        idempotency_key="other",
        expires_at=timezone.now() + timedelta(days=1),
        at=timezone.now(),
    )
    monkeypatch.setattr(queueing, "QUEUED_MAX", 1)
    shown = show(ours, send(ours, three).json()["id"])
    assert nonzero(shown["counts"]) == {"failed": 1, "queued": 2}
    (failed,) = [r for r in shown["members"]["results"] if r["status"] == "failed"]
    assert failed["charge_point"] == "CP-1"
    assert "wait already" in failed["error"]


def test_a_secret_is_sealed_until_every_station_has_its_command(three):
    set_up(three[0], online=False)
    row = send_here(three, at_once=2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b::text FROM charge_points_commandbatch b "
            "UNION ALL SELECT c::text FROM charge_points_command c"
        )
        assert not [text for (text,) in cursor if SECRET["value"] in text]
    assert row.payload["value"] == "***"
    assert {one.payload["value"] for one in take(*three)} == {SECRET["value"]}


def test_a_batch_sealed_with_another_key_fails_and_says_so(three, settings):
    row = send_here(three, at_once=1)
    answer_all(take(*three), accepted=False, error_code="Timeout")
    settings.KEY_ENCRYPTION_KEY = Fernet.generate_key().decode()
    answer_all(take(*three))
    batches.sweep(at=timezone.now())
    waiting = CommandBatchMember.objects.filter(batch=row, state="failed")
    assert set(waiting.values_list("detail", flat=True)) == {"sealed_with_another_key"}


def test_a_cancelled_batch_sends_nothing_more(ours, three):
    batch = send(ours, three, at_once=2).json()["id"]
    (sent,) = take(three[0])
    cancelled = ours.delete(f"{BATCHES}/{batch}")
    assert cancelled.status_code == 200
    assert nonzero(cancelled.json()["counts"]) == {"sent": 1, "cancelled": 2}
    assert ours.delete(f"{BATCHES}/{batch}").status_code == 200
    answer_all([sent])
    assert take(*three) == []
    assert nonzero(show(ours, batch)["counts"]) == {"accepted": 1, "cancelled": 2}
    assert AuditEntry.objects.filter(action="command_batch.cancelled").count() == 1


def test_a_batch_that_ended_cannot_be_taken_back(ours, three):
    batch = send(ours, three).json()["id"]
    answer_all(take(*three))
    assert problem_of(ours.delete(f"{BATCHES}/{batch}")) == (
        409,
        "command_batch_ended",
    )


def test_the_database_keeps_a_batch_inside_its_operator(three, stranger):
    row = send_here(three, at_once=1)
    CommandBatchMember.objects.create(
        operator_id=stranger.operator_id, batch=row, charge_point_id=stranger.id
    )
    with connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "wrong",
    [{"at_once": 0}, {"expires_at": "2020-01-01T00:00:00Z"}],
    ids=["at_once", "expiry"],
)
def test_the_database_refuses_a_wrong_batch(three, wrong):
    row = send_here(three)
    with pytest.raises(IntegrityError), transaction.atomic():
        CommandBatch.objects.filter(pk=row.pk).update(**wrong)


def test_the_database_refuses_a_released_member_without_command(three):
    row = send_here(three, at_once=1)
    waiting = CommandBatchMember.objects.filter(batch=row, state="waiting")
    with pytest.raises(IntegrityError), transaction.atomic():
        waiting.update(state="released")
