"""The operator's REST: sending OCPP commands, and what is refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from charge_points.models import Command
from charge_points.services import commands
from charge_points.services.commands import QUEUED_MAX
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.api_world import problem_of, system_of
from tests.integration.charge_points.commanding import (
    DEEP,
    answer_with,
    ours,
    path_of,
    send,
    speak,
    station,
    take,
)

__all__ = ["ours", "station"]


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
