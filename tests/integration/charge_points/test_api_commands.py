"""The operator's REST: sending OCPP commands and reading what became of them."""

import threading
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from charge_points.api import commands as api
from charge_points.models import ChargePoint, Command
from charge_points.services import commands
from charge_points.services.commands import QUEUED_MAX
from charge_points.services.facts import CommandAnswer, CommandWording
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import (
    STATIONS,
    problem_of,
    staff_of,
    system_of,
)
from tests.integration.charge_points.world import ORDER, make_operator, make_station

ANSWER_S = 30
DEEP = "[" * 200 + "]" * 200


def speak(station, version):
    ChargePoint.objects.filter(pk=station.id).update(ocpp_version=version)
    return station


@pytest.fixture
def station(station):
    return speak(station, "1.6")


@pytest.fixture
def ours(station, as_role):
    cache.clear()
    return system_of(as_role)


def path_of(station, command_id=None):
    own = f"{STATIONS}/{station.identity}/commands"
    return own if command_id is None else f"{own}/{command_id}"


def send(caller, station, action="ClearCache", payload=None, *, key=None, **more):
    body = {"action": action, "payload": payload or {}, **more}
    return caller.post(path_of(station), body, key=key)


def take(station, at=None):
    """What the gateway does: take the next command and say what goes out."""
    (found,) = commands.take_for_delivery(
        charge_point_ids=[station.id], node="node-1", at=at or timezone.now()
    )
    commands.mark_sent(
        wordings=[CommandWording(found.command_id, found.action, found.payload)]
    )
    return found


def answer_with(command_id, **values):
    told = {"accepted": False, "status": "", **values}
    answer = CommandAnswer(command_id=command_id, at=timezone.now(), **told)
    commands.record_answers(answers=[answer])


# -- queueing --------------------------------------------------------------------


def test_a_command_is_queued_as_it_was_written(ours, station):
    payload = {"key": ["HeartbeatInterval"]}
    answer = send(ours, station, "GetConfiguration", payload)
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "queued"
    assert (body["action"], body["payload"]) == ("GetConfiguration", payload)
    assert (body["response"], body["error"]) == (None, None)
    found = take(station)
    assert (found.command_id, found.payload) == (body["id"], payload)


def test_an_exact_number_arrives_as_it_was_written(ours, station):
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
        },
    }
    payload = {"connectorId": 1, "csChargingProfiles": profile}
    assert send(ours, station, "SetChargingProfile", payload).status_code == 202
    assert take(station).payload == payload


def test_the_answer_is_read_by_the_commands_id(ours, station):
    sent = send(ours, station).json()
    take(station)
    assert ours.get(path_of(station, sent["id"])).json()["status"] == "sent"
    answer_with(
        sent["id"], accepted=True, status="Accepted", response={"status": "Accepted"}
    )
    body = ours.get(path_of(station, sent["id"])).json()
    assert (body["status"], body["status_text"]) == ("accepted", "Accepted")
    assert body["response"] == {"status": "Accepted"}
    assert body["answered_at"] > body["sent_at"] > body["created_at"]


@pytest.mark.parametrize(
    ("values", "status", "error"),
    [
        ({"accepted": False, "status": "Rejected"}, "rejected", None),
        (
            {"error_code": "NotImplemented", "error_text": "never heard of it"},
            "failed",
            "NotImplemented: never heard of it",
        ),
        ({"error_code": "Timeout"}, "failed", "Timeout"),
    ],
)
def test_a_refusal_of_the_station_is_shown(ours, station, values, status, error):
    sent = send(ours, station).json()
    take(station)
    answer_with(sent["id"], **values)
    body = ours.get(path_of(station, sent["id"])).json()
    assert (body["status"], body["error"]) == (status, error)


def test_a_command_leaves_an_audit_row_without_its_payload(ours, station):
    secret = "0123456789abcdef0123"
    payload = {"key": "AuthorizationKey", "value": secret}
    sent = send(ours, station, "ChangeConfiguration", payload, key="k").json()
    send(ours, station, "ChangeConfiguration", payload, key="k")
    (entry,) = AuditEntry.objects.filter(action="command.queued")
    assert entry.object == f"charge point {station.identity}"
    assert entry.changes == {
        "command": sent["id"],
        "ocpp_action": "ChangeConfiguration",
    }


def test_a_password_is_sent_but_never_shown_again(ours, station):
    secret = "0123456789abcdef0123"
    payload = {"key": "AuthorizationKey", "value": secret}
    sent = send(ours, station, "ChangeConfiguration", payload)
    assert take(station).payload == payload
    for answer in (
        sent,
        ours.get(path_of(station, sent.json()["id"])),
        ours.get(path_of(station)),
    ):
        assert secret not in answer.content.decode()
        assert "AuthorizationKey" in answer.content.decode()


# -- what is refused -------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "action", "payload", "words"),
    [
        ("1.6", "GetVariables", {}, "OCPP 1.6 has no action 'GetVariables'"),
        ("1.6", "BootNotification", {}, "from the CSMS to the station"),
        ("1.6", "reset", {"type": "Soft"}, "no action 'reset'"),
        ("2.0.1", "ChangeConfiguration", {"key": "a", "value": "b"}, "OCPP 2.0.1"),
    ],
)
def test_an_action_of_another_version_is_refused(
    ours, station, version, action, payload, words
):
    answer = send(ours, speak(station, version), action, payload)
    assert problem_of(answer) == (422, "unknown_action")
    assert words in answer.json()["detail"]
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("version", "action", "payload", "where"),
    [
        ("1.6", "Reset", {}, ("", "the field 'type' is missing")),
        ("1.6", "Reset", {"type": "Cold"}, ("type", "not one of those")),
        ("1.6", "Reset", {"type": "Soft", "when": 1}, ("", "unexpected field 'when'")),
        ("1.6", "UnlockConnector", {"connectorId": "1"}, ("connectorId", "integer")),
        (
            "2.0.1",
            "GetVariables",
            {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}}]},
            ("getVariableData/0", "the field 'variable' is missing"),
        ),
        ("2.0.1", "Reset", {"type": "Soft"}, ("type", "not one of those")),
    ],
)
def test_a_payload_that_breaks_the_schema_is_told_where(
    ours, station, version, action, payload, where
):
    path, words = where
    answer = send(ours, speak(station, version), action, payload)
    assert problem_of(answer) == (422, "payload_invalid")
    assert answer.json()["path"] == path
    assert words in answer.json()["detail"]
    assert f"OCPP {version}" in answer.json()["detail"]
    assert not Command.objects.exists()


def test_a_station_that_never_connected_has_no_version(ours, station):
    answer = send(ours, speak(station, ""))
    assert problem_of(answer) == (409, "version_unknown")
    assert "never connected" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "action"),
        ('{"action": "x", "payload": []}', "payload"),
        ('{"action": "x", "payload": "y"}', "payload"),
        ('{"action": "x", "payload": null}', "payload"),
        ('{"action": "x", "wait_s": 31}', "wait_s"),
        ('{"action": "x", "wait_s": -1}', "wait_s"),
        ('{"action": "DataTransfer", "payload": {"vendorId": "a\\u0000"}}', "payload"),
        ('{"action": "DataTransfer", "payload": {"vendorId": "\\ud800"}}', "payload"),
        ('{"action": "x", "payload": {"a": 1e999}}', "payload"),
        (f'{{"action": "x", "payload": {{"a": {DEEP}}}}}', "payload"),
        (f'{{"action": "{"x" * 61}"}}', "action"),
    ],
)
def test_a_wrong_field_is_named(ours, station, body, field):
    answer = ours.post(path_of(station), body)
    assert problem_of(answer) == (400, "validation_failed")
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(
    "body",
    ['{"action": "x", "payload": {"a": NaN}}', "[" * 100_000, '{"a":' * 990 + "1"],
)
def test_what_is_no_json_is_refused(ours, station, body):
    assert problem_of(ours.post(path_of(station), body)) == (400, "parse_error")


def test_a_full_queue_takes_no_more(ours, station):
    now = timezone.now()
    for number in range(QUEUED_MAX):
        commands.queue(
            charge_point_id=station.id,
            action="ClearCache",
            payload={},
            by="test",
            idempotency_key=str(number),
            expires_at=now + timedelta(minutes=1),
            at=now,
        )
    answer = send(ours, station)
    assert problem_of(answer) == (429, "command_queue_full")
    assert station.identity in answer.json()["detail"]


# -- the same key ----------------------------------------------------------------


def test_the_same_key_is_the_same_command(ours, station):
    first = send(ours, station, key="k")
    again = send(ours, station, key="k")
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Command.objects.count() == 1


def test_the_same_key_for_another_command_is_refused(ours, station):
    send(ours, station, key="k")
    other = send(ours, station, "Reset", {"type": "Soft"}, key="k")
    assert problem_of(other) == (422, "idempotency_key_reused")


def test_the_keys_of_two_systems_do_not_meet(ours, station, as_role):
    """Both may count from 1; the second reset is another one."""
    second = system_of(as_role)
    answers = [send(who, station, key="1").json() for who in (ours, second)]
    assert answers[0]["id"] != answers[1]["id"]


def test_a_refused_command_leaves_its_key_free(ours, station):
    answer = send(ours, station, "Reset", {"type": "Cold"}, key="k")
    assert problem_of(answer) == (422, "payload_invalid")
    assert send(ours, station, "Reset", {"type": "Soft"}, key="k").status_code == 202


# -- reading ---------------------------------------------------------------------


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


# -- waiting for the answer ------------------------------------------------------


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


# -- not before, not after, taken back ------------------------------------------------


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
