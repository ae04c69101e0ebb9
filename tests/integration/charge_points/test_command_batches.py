"""One command for many charge points: all or none taken, sent as there is room."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from charge_points import tasks
from charge_points.models import (
    ChargePoint,
    Command,
    CommandBatch,
    CommandBatchMember,
)
from charge_points.services import commands, selection
from charge_points.services.commands import batches, queueing
from charge_points.services.facts import CommandAnswer
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of, system_of
from tests.integration.charge_points.world import make_station

BATCHES = "/api/v1/operator/command-batches"
SECRET = {"key": "AuthorizationKey", "value": "70617373776f7264"}


def set_up(station, version="1.6", *, online=True, **fields):
    now = timezone.now()
    told = {"ocpp_version": version, "connected_at": now, **fields}
    told["disconnected_at"] = None if online else now
    ChargePoint.objects.filter(pk=station.id).update(**told)
    return station


@pytest.fixture
def ours(station, as_role):
    cache.clear()
    set_up(station)
    return system_of(as_role)


@pytest.fixture
def three(station):
    return [
        set_up(station),
        set_up(make_station("CP-10")),
        set_up(make_station("CP-11")),
    ]


def send(caller, stations=(), *, key=None, action="ClearCache", payload=None, **more):
    body = {"action": action, "payload": payload or {}, **more}
    if stations:
        body["charge_points"] = [station.identity for station in stations]
    return caller.post(BATCHES, body, key=key)


def show(caller, batch_id, **query):
    answer = caller.get(f"{BATCHES}/{batch_id}", **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def nonzero(counts):
    return {name: number for name, number in counts.items() if number}


def take(*stations):
    return commands.take_for_delivery(
        charge_point_ids=[s.id for s in stations], node="node-1", at=timezone.now()
    )


def answer_all(sent, **more):
    told = {"accepted": True, "status": "Accepted", "at": timezone.now(), **more}
    commands.record_answers(
        answers=[CommandAnswer(command_id=one.command_id, **told) for one in sent]
    )


# -- taking ----------------------------------------------------------------------


def test_a_batch_asks_every_selected_station_and_counts_the_answers(ours, three):
    sent = send(ours, three)
    assert sent.status_code == 202
    body = sent.json()
    assert (body["size"], body["state"]) == (3, "running")
    assert nonzero(body["counts"]) == {"queued": 3}

    first, *others = take(*three)
    answer_all([first])
    answer_all(others, accepted=False, status="Rejected")
    shown = show(ours, body["id"])
    assert nonzero(shown["counts"]) == {"accepted": 1, "rejected": 2}
    assert {row["status_text"] for row in shown["members"]["results"]} == {
        "Accepted",
        "Rejected",
    }
    assert shown["state"] == "ended"
    assert shown["ended_at"] is not None
    assert AuditEntry.objects.filter(action="command_batch.sent").count() == 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"ocpp_version": "2.0.1"}, ["CP-11"]),
        ({"vendor": "acme"}, ["CP-1", "CP-10"]),
        ({"vendor": "acme", "model": "Two"}, ["CP-10"]),
        ({"site": "Yard"}, ["CP-20"]),
    ],
    ids=["version", "vendor", "model", "site"],
)
def test_a_filter_selects_by_what_stations_are(ours, station, wanted, found):
    set_up(station, vendor="ACME", model="One")
    set_up(make_station("CP-10"), vendor="Acme", model="Two")
    set_up(make_station("CP-11"), "2.0.1", vendor="Other")
    set_up(make_station("CP-20", site="Yard"))
    body = send(ours, filter=wanted).json()
    rows = show(ours, body["id"])["members"]["results"]
    assert sorted(row["charge_point"] for row in rows) == found
    assert body["selection"] == wanted


def test_members_come_in_pages_and_by_state(ours, three):
    batch = send(ours, three).json()["id"]
    answer_all(take(three[0]))
    first = show(ours, batch, page_size=2)["members"]
    assert len(first["results"]) == 2
    rest = ours.get(first["next"].removeprefix("http://testserver")).json()["members"]
    seen = [row["charge_point"] for row in first["results"] + rest["results"]]
    assert sorted(seen) == ["CP-1", "CP-10", "CP-11"]
    assert rest["next"] is None
    (done,) = show(ours, batch, state="accepted")["members"]["results"]
    assert done["charge_point"] == "CP-1"


def test_stations_that_cannot_take_it_are_named_and_nothing_is_queued(ours, three):
    set_up(three[1], "2.0.1")
    set_up(three[2], "")
    answer = send(ours, three, action="Reset", payload={"type": "Soft"})
    assert problem_of(answer) == (422, "charge_points_unable")
    body = answer.json()
    assert body["charge_points"] == [
        {"identity": "CP-10", "reason": "payload_invalid"},
        {"identity": "CP-11", "reason": "version_unknown"},
    ]
    assert "2 of 3" in body["detail"]
    assert not Command.objects.exists()
    assert not CommandBatch.objects.exists()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"charge_points": ["NOBODY"]}, (422, "unknown_charge_points")),
        ({"filter": {"vendor": "nobody"}}, (422, "nothing_selected")),
        ({"filter": {}}, (400, "invalid")),
        ({}, (400, "invalid")),
        ({"filter": {"vendor": "x"}, "charge_points": ["CP-1"]}, (400, "invalid")),
        ({"charge_points": ["CP-1"], "at_once": 0}, (400, "invalid")),
        ({"charge_points": ["CP-1"], "payload": {"a": "\0"}}, (400, "invalid")),
        (
            {"charge_points": ["CP-1"], "expires_at": "2020-01-01T00:00:00Z"},
            (422, "command_expired"),
        ),
    ],
    ids=["unknown", "none", "empty", "nothing", "both", "at_once", "nul", "expired"],
)
def test_a_wrong_batch_says_why(ours, body, problem):
    answer = ours.post(BATCHES, {"action": "ClearCache", "payload": {}, **body})
    status, code = answer.status_code, answer.json()["code"]
    assert status == problem[0]
    assert code == problem[1] or problem[1] == "invalid"
    assert not CommandBatch.objects.exists()


def test_a_batch_reaches_only_so_many(ours, three, monkeypatch):
    monkeypatch.setattr(selection, "SELECTED_MAX", 2)
    answer = send(ours, filter={"ocpp_version": "1.6"})
    assert problem_of(answer) == (422, "too_many_selected")


def test_a_foreign_station_cannot_be_reached_nor_a_foreign_batch_seen(
    ours, station, stranger, as_role
):
    set_up(stranger)
    assert problem_of(send(ours, [stranger])) == (422, "unknown_charge_points")
    batch = send(ours, [station]).json()["id"]
    theirs = system_of(as_role, "two")
    assert problem_of(theirs.get(f"{BATCHES}/{batch}")) == (
        404,
        "unknown_command_batch",
    )
    assert problem_of(theirs.delete(f"{BATCHES}/{batch}"))[0] == 404
    assert theirs.rows(BATCHES) == []
    assert [row["id"] for row in ours.rows(BATCHES)] == [batch]


def test_looking_alone_sends_nothing(ours, station, as_role):
    reader = system_of(as_role, "one", "charge_points:read")
    assert send(reader, [station]).status_code == 403
    batch = send(ours, [station]).json()["id"]
    assert show(reader, batch)["size"] == 1
    assert reader.delete(f"{BATCHES}/{batch}").status_code == 403


def test_the_same_key_is_the_same_batch(ours, three):
    first = send(ours, three, key="one").json()["id"]
    assert send(ours, three, key="one").json()["id"] == first
    assert problem_of(send(ours, three[:1], key="one")) == (
        422,
        "idempotency_key_reused",
    )
    assert Command.objects.count() == 3


def new_batch(stations, **more):
    now = timezone.now()
    told = {
        "operator_id": stations[0].operator_id,
        "charge_point_ids": tuple(s.id for s in stations),
        "action": "ChangeConfiguration",
        "payload": SECRET,
        "selection": {"identities": [s.identity for s in stations]},
        "idempotency_key": "key",
        "not_before": now,
        "expires_at": now + timedelta(minutes=10),
        **more,
    }
    return batches.NewBatch(**told)


def send_here(stations, **more):
    return batches.send(
        wanted=new_batch(stations, **more), by="anna", at=timezone.now()
    )


def test_the_service_itself_knows_a_repeated_batch(three):
    row = send_here(three, at_once=1)
    assert send_here(three, at_once=1).pk == row.pk
    for other in ({"payload": {**SECRET, "value": "another"}}, {"action": "Reset"}):
        with pytest.raises(batches.UnableToSendBatch) as caught:
            send_here(three, **other)
        assert caught.value.code == "idempotency_key_reused"
    with pytest.raises(batches.UnableToSendBatch) as caught:
        send_here(three, idempotency_key="x", expires_at=timezone.now())
    assert caught.value.code == "command_expired"


# -- sending ---------------------------------------------------------------------


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


# -- taking back -----------------------------------------------------------------


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


# -- walls -----------------------------------------------------------------------


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
