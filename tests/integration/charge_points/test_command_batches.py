"""One command for many charge points: all or none are taken."""

import pytest
from django.utils import timezone

from charge_points.models import Command, CommandBatch
from charge_points.services import selection
from charge_points.services.commands import batches
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of, system_of
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
from tests.integration.charge_points.world import make_station

__all__ = ["ours", "three"]


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
