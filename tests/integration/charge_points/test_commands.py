from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from redis.exceptions import ConnectionError as RedisConnectionError

from charge_points.models import Command
from charge_points.services import commands, wake
from charge_points.services.commands import UnableToQueueCommand, queueing
from charge_points.services.facts import CommandAnswer, CommandWording
from tests.integration.charge_points.world import NOON, later


def queue(station, key="k", action="Reset", payload=None, at=NOON, **more):
    defaults = {"expires_at": at + timedelta(minutes=5), "by": "anna", "at": at}
    return commands.queue(
        charge_point_id=station.id,
        action=action,
        payload={"type": "Soft"} if payload is None else payload,
        idempotency_key=key,
        **{**defaults, **more},
    )


def take(*stations, at=NOON):
    return commands.take_for_delivery(
        charge_point_ids=[s.id for s in stations], node="node-1", at=at
    )


def answer(command_id, at=NOON, **more):
    defaults = {"accepted": True, "status": "Accepted", "response": {"status": "ok"}}
    commands.record_answers(
        answers=[CommandAnswer(command_id=command_id, at=at, **{**defaults, **more})]
    )


def test_a_command_goes_from_queue_to_answer(station):
    queued = queue(station)
    (sent,) = take(station, at=later(seconds=1))
    assert (sent.command_id, sent.action, sent.payload) == (
        queued.pk,
        "Reset",
        {"type": "Soft"},
    )
    answer(sent.command_id, at=later(seconds=2), status="Scheduled")
    row = Command.objects.get()
    assert (row.state, row.status_text, row.response) == (
        "accepted",
        "Scheduled",
        {"status": "ok"},
    )
    assert (row.sent_at, row.answered_at) == (later(seconds=1), later(seconds=2))
    assert (row.node, row.attempts, row.generation) == ("node-1", 1, 0)


def test_commands_leave_one_at_a_time_in_their_order(station, stranger):
    first, second = queue(station, "1"), queue(station, "2")
    other = queue(stranger, "1")
    assert {c.command_id for c in take(station, stranger)} == {first.pk, other.pk}
    assert [c.command_id for c in take(station, stranger)] == [second.pk]
    assert take(station, stranger) == []
    assert take() == []


def test_a_scheduled_command_waits(station):
    queue(station, scheduled_at=later(minutes=1))
    assert take(station) == []
    assert len(take(station, at=later(minutes=1))) == 1


def test_an_expired_command_is_not_sent(station):
    queue(station)
    assert take(station, at=later(minutes=5)) == []
    assert commands.settle_overdue(at=later(minutes=5)) == 1
    assert Command.objects.get().state == "expired"


def test_the_same_key_and_content_is_the_same_command(station):
    assert queue(station).pk == queue(station).pk


def test_the_same_key_for_something_else_is_refused(station):
    queue(station)
    with pytest.raises(UnableToQueueCommand) as caught:
        queue(station, payload={"type": "Hard"})
    assert caught.value.code == "idempotency_key_reused"


def test_a_key_stays_good_after_the_secret_was_masked(station):
    payload = {"key": "AuthorizationKey", "value": "0" * 40}
    queued = queue(station, action="ChangeConfiguration", payload=payload)
    (sent,) = take(station)
    assert sent.payload == payload
    commands.mark_sent(
        wordings=[CommandWording(sent.command_id, sent.action, sent.payload)]
    )
    row = Command.objects.get()
    assert row.payload == {"key": "AuthorizationKey", "value": "***"}
    again = queue(station, action="ChangeConfiguration", payload=payload)
    assert again.pk == queued.pk


def test_an_intent_is_worded_when_it_is_sent(station):
    commands.queue_intent(
        charge_point_id=station.id,
        intent="unlock",
        arguments={"evse": 1},
        by="anna",
        idempotency_key="u",
        expires_at=later(minutes=1),
        at=NOON,
    )
    (sent,) = take(station)
    assert (sent.intent, sent.arguments, sent.action) == ("unlock", {"evse": 1}, "")
    assert sent.repeatable
    commands.mark_sent(
        wordings=[
            CommandWording(sent.command_id, "UnlockConnector", {"connectorId": 1})
        ]
    )
    row = Command.objects.get()
    assert (row.action, row.payload) == ("UnlockConnector", {"connectorId": 1})


def test_not_more_than_so_many_wait(station, monkeypatch):
    monkeypatch.setattr(queueing, "QUEUED_MAX", 2)
    queue(station, "1")
    queue(station, "2")
    with pytest.raises(UnableToQueueCommand) as caught:
        queue(station, "3")
    assert (caught.value.code, caught.value.status) == ("command_queue_full", 429)


def test_an_unknown_charge_point_is_named(db):
    with pytest.raises(UnableToQueueCommand) as caught:
        commands.queue(
            charge_point_id=1,
            action="Reset",
            payload={},
            by="anna",
            idempotency_key="k",
            expires_at=later(minutes=1),
            at=NOON,
        )
    assert caught.value.status == 404


def test_an_expiry_in_the_past_is_refused(station):
    with pytest.raises(UnableToQueueCommand):
        queue(station, expires_at=NOON)


def test_a_waiting_command_can_be_taken_back(station):
    queued = queue(station)
    assert commands.cancel(command_id=queued.pk, at=NOON)
    assert not commands.cancel(command_id=queued.pk, at=NOON)
    assert take(station) == []


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        ({"accepted": False, "status": "Rejected"}, "rejected"),
        ({"accepted": False, "error_code": "NotSupported"}, "failed"),
        ({"accepted": False, "error_code": "Timeout"}, "failed"),
        ({"accepted": False, "error_code": "NotSent"}, "queued"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_every_ending_has_its_state(station, ending, state):
    queue(station)
    (sent,) = take(station)
    answer(sent.command_id, **ending)
    assert Command.objects.get().state == state


def test_an_answer_to_what_has_ended_is_ignored(station):
    queue(station)
    (sent,) = take(station)
    answer(sent.command_id)
    answer(sent.command_id, accepted=False, status="Rejected")
    assert Command.objects.get().state == "accepted"


def test_what_does_no_harm_is_sent_again_after_a_lost_connection(station):
    commands.queue_intent(
        charge_point_id=station.id,
        intent="stop",
        arguments={},
        by="x",
        idempotency_key="s",
        expires_at=later(minutes=5),
        at=NOON,
    )
    for attempt in range(1, 3):
        (sent,) = take(station, at=later(seconds=attempt))
        answer(sent.command_id, at=later(seconds=attempt), error_code="ConnectionLost")
        assert Command.objects.get().attempts == attempt
    answer(take(station)[0].command_id, at=later(hours=1), error_code="Timeout")
    assert Command.objects.get().state == "failed"


def test_recovery_repeats_only_what_may_be_repeated(station):
    for key, action in (("1", "Reset"), ("2", "TriggerMessage")):
        queue(station, key, action=action)
        take(station)
    commands.recover(
        charge_point_ids=[station.id],
        repeatable_actions=frozenset({"TriggerMessage"}),
        at=later(seconds=1),
    )
    states = dict(Command.objects.values_list("action", "state"))
    assert states == {"Reset": "failed", "TriggerMessage": "queued"}


def test_a_command_whose_gateway_died_is_settled(station):
    queue(station)
    take(station)
    assert commands.settle_overdue(at=later(minutes=2)) == 0
    assert commands.settle_overdue(at=later(minutes=3)) == 1
    assert Command.objects.get().error_code == "ConnectionLost"


def test_the_database_refuses_a_command_that_says_nothing(station):
    queue(station)
    with pytest.raises(IntegrityError), transaction.atomic():
        Command.objects.update(action="")


class _Client:
    def __init__(self, error=None):
        self.published = []
        self.error = error

    def publish(self, channel, payload):
        if self.error:
            raise self.error
        self.published.append((channel, payload))


def test_a_gateway_is_woken_after_the_commit(
    station, monkeypatch, django_capture_on_commit_callbacks
):
    client = _Client()
    monkeypatch.setattr(wake, "_client", lambda: client)
    with django_capture_on_commit_callbacks(execute=True):
        queue(station)
        assert client.published == []
    assert client.published == [("cpms:commands", str(station.id))]


def test_a_lost_wake_up_costs_nothing(
    station, monkeypatch, django_capture_on_commit_callbacks
):
    client = _Client(RedisConnectionError("away"))
    monkeypatch.setattr(wake, "_client", lambda: client)
    with django_capture_on_commit_callbacks(execute=True):
        queue(station)
    assert len(take(station)) == 1


def test_the_wake_up_reaches_a_real_listener(settings, station):
    client = wake._client()
    with client.pubsub(ignore_subscribe_messages=False) as listener:
        listener.subscribe(wake.COMMANDS_CHANNEL)
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        wake._publish(wake.COMMANDS_CHANNEL, "7,8")
        assert listener.get_message(timeout=5)["data"] == b"7,8"
