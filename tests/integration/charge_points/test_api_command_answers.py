"""The operator's REST: reading commands, waiting for them, taking them back."""

import threading
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from charge_points.api import commands as api
from charge_points.models import Command
from charge_points.services import commands
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of, staff_of, system_of
from tests.integration.charge_points.commanding import (
    ANSWER_S,
    answer_with,
    ours,
    path_of,
    send,
    speak,
    station,
    take,
)
from tests.integration.charge_points.world import ORDER, make_operator, make_station

__all__ = ["ours", "station"]


def test_commands_are_listed_newest_first_with_what_the_platform_asked(ours, station):
    station.ask_start(ORDER, at=timezone.now())
    send(ours, station)
    newest, oldest = ours.rows(path_of(station))
    assert (newest["action"], newest["intent"]) == ("ClearCache", "")
    assert (oldest["action"], oldest["intent"]) == ("", "start")
    assert newest["requested_by"].startswith("key-")


def test_a_list_costs_the_same_however_long_it_is(ours, station):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            ours.rows(path_of(station))
        return len(queries)

    send(ours, station)
    one = cost()
    for _ in range(10):
        send(ours, station)
    assert cost() == one


def test_lists_come_in_pages_that_lose_nothing(ours, station):
    sent = [send(ours, station).json()["id"] for _ in range(5)]
    pages = ours.pages(path_of(station), page_size=2)
    assert [[row["id"] for row in page] for page in pages] == [
        sent[:2:-1],
        sent[2:0:-1],
        sent[:1],
    ]


@pytest.mark.parametrize("command_id", [0, 10**9, 10**40])
def test_an_unknown_command_is_told(ours, station, command_id):
    answer = ours.get(path_of(station, command_id))
    assert problem_of(answer) == (404, "unknown_command")


def test_a_command_is_found_at_its_own_station_only(ours, station):
    neighbour = speak(make_station("CP-8"), "1.6")
    sent = send(ours, neighbour).json()
    assert ours.get(path_of(neighbour, sent["id"])).status_code == 200
    answer = ours.get(path_of(station, sent["id"]))
    assert problem_of(answer) == (404, "unknown_command")


def test_another_operator_finds_neither_station_nor_command(ours, station, as_role):
    sent = send(ours, station).json()
    make_operator("two")
    other = system_of(as_role, "two")
    for answer in (
        other.get(path_of(station)),
        other.get(path_of(station, sent["id"])),
        send(other, station),
    ):
        assert problem_of(answer) == (404, "unknown_charge_point")


@pytest.mark.parametrize(
    ("role", "reads", "sends"),
    [
        ("owner", True, True),
        ("technician", True, True),
        ("finance", True, False),
        ("viewer", True, False),
    ],
)
def test_staff_does_what_its_role_allows(ours, station, as_role, role, reads, sends):
    staff = staff_of(as_role, {"one": role})
    assert (staff.get(path_of(station)).status_code == 200) is reads
    assert (send(staff, station).status_code == 202) is sends


def test_a_role_at_one_operator_gives_nothing_at_another(ours, station, as_role):
    """Technician there, viewer here: reads both, sends there only."""
    make_operator("two")
    there = speak(make_station("CP-2", "two"), "1.6")
    staff = staff_of(as_role, {"one": "viewer", "two": "technician"})
    assert send(staff, there).status_code == 202
    assert problem_of(send(staff, station)) == (404, "unknown_charge_point")
    assert staff.get(path_of(station)).status_code == 200


@pytest.fixture
def waiting(transactional_db, as_role):
    make_operator()
    station = speak(make_station(), "1.6")
    cache.clear()
    return system_of(as_role), station


def answer_soon(station, **values):
    """Answer the next command from another thread, as the gateway does."""

    def run():
        try:
            deadline = time.monotonic() + ANSWER_S
            while not Command.objects.filter(state="queued").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            answer_with(take(station).command_id, **values)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_who_waits_gets_the_answer_of_the_station(waiting):
    ours, station = waiting
    thread = answer_soon(
        station, accepted=True, status="Accepted", response={"status": "Accepted"}
    )
    answer = send(ours, station, wait_s=ANSWER_S)
    thread.join()
    assert answer.status_code == 200
    assert answer.json()["status"] == "accepted"
    assert answer.json()["response"] == {"status": "Accepted"}


def test_who_waits_in_vain_is_told_that_it_is_under_way(waiting):
    ours, station = waiting
    begun = time.monotonic()
    answer = send(ours, station, wait_s=1)
    assert time.monotonic() - begun >= 1
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


def test_no_more_than_the_limit_wait_at_a_time(waiting, monkeypatch):
    """One more is answered at once: waiting holds a thread and a connection."""
    ours, station = waiting
    full = threading.BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(api, "_waiters", full)
    begun = time.monotonic()
    answer = send(ours, station, wait_s=ANSWER_S)
    assert answer.status_code == 202
    assert time.monotonic() - begun < ANSWER_S


def test_a_scheduled_command_waits_for_its_hour(ours, station):
    now = timezone.now()
    begins, ends = now + timedelta(hours=1), now + timedelta(hours=2)
    body = send(
        *(ours, station), not_before=begins.isoformat(), expires_at=ends.isoformat()
    ).json()

    row = Command.objects.get(pk=body["id"])
    assert (row.scheduled_at, row.expires_at) == (begins, ends)
    assert not commands.take_for_delivery(
        charge_point_ids=[station.id], node="n", at=begins - timedelta(seconds=1)
    )
    assert take(station, at=begins).command_id == body["id"]


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ({"not_before": 60, "expires_at": 30}, "command_expired"),
        ({"expires_at": -1}, "command_expired"),
        ({"expires_at": 31 * 24 * 60}, "command_too_far"),
    ],
)
def test_times_that_cannot_be_are_refused(ours, station, times, code):
    now = timezone.now()
    told = {
        name: (now + timedelta(minutes=minutes)).isoformat()
        for name, minutes in times.items()
    }

    answer = send(ours, station, **told)

    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert not Command.objects.exists()


def test_a_waiting_command_is_taken_back_once(ours, station):
    sent = send(ours, station).json()

    for _ in range(2):
        answer = ours.delete(path_of(station, sent["id"]))
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")

    assert AuditEntry.objects.filter(action="command.cancelled").count() == 1
    assert not commands.take_for_delivery(
        charge_point_ids=[station.id], node="n", at=timezone.now()
    )


def test_a_command_that_was_sent_is_not_taken_back(ours, station):
    sent = send(ours, station).json()
    take(station)

    answer = ours.delete(path_of(station, sent["id"]))

    assert (answer.status_code, answer.json()["code"]) == (409, "command_not_waiting")
    assert Command.objects.get().state == "sent"


def test_the_secret_of_a_command_that_is_not_sent_is_forgotten(ours, station):
    payload = {"key": "AuthorizationKey", "value": "70617373776f7264"}
    sent = send(ours, station, "ChangeConfiguration", payload).json()
    row = Command.objects.get()
    assert (row.payload["value"], bool(row.sealed_payload)) == ("***", True)

    ours.delete(path_of(station, sent["id"]))

    assert not Command.objects.get().sealed_payload
