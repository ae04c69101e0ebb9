"""Passwords in commands: never to be seen, always sent whole."""

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from charge_points.models import Command, DeviceVariable
from charge_points.services import commands
from charge_points.services.facts import CommandAnswer, CommandWording
from tests.integration.charge_points.world import NOON, later

PASSWORD = "0123456789abcdef0123456789abcdef01234567"
WHOLE = {"key": "AuthorizationKey", "value": PASSWORD}
MASKED = {"key": "AuthorizationKey", "value": "***"}
REPEATABLE = frozenset({"ChangeConfiguration", "SetVariables"})


def queue(station, payload=WHOLE, action="ChangeConfiguration", key="k"):
    return commands.queue(
        charge_point_id=station.id,
        action=action,
        payload=payload,
        by="anna",
        idempotency_key=key,
        expires_at=later(minutes=5),
        at=NOON,
    )


def take(station, at=NOON):
    return commands.take_for_delivery(
        charge_point_ids=[station.id], node="node-1", at=at
    )


def end(command_id, **more):
    told = {"accepted": True, "status": "Accepted", "at": NOON, **more}
    commands.record_answers(answers=[CommandAnswer(command_id=command_id, **told)])


def set_password(number):
    return {
        "attributeValue": f"{PASSWORD}{number}",
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }


def everything_kept():
    """All rows of commands as PostgreSQL prints them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT c::text FROM charge_points_command c")
        return "\n".join(row[0] for row in cursor.fetchall())


def test_a_secret_is_in_no_column_while_its_command_waits(station):
    queue(station)
    assert Command.objects.get().payload == MASKED
    assert PASSWORD not in everything_kept()


def test_a_lost_connection_sends_the_secret_again_and_never_its_mask(station):
    queue(station)
    for second in range(3):
        (sent,) = take(station, at=later(seconds=second))
        assert sent.payload == WHOLE
        commands.mark_sent(
            wordings=[CommandWording(sent.command_id, sent.action, sent.payload)]
        )
        commands.recover(
            charge_point_ids=[station.id],
            repeatable_actions=REPEATABLE,
            at=later(seconds=second),
        )
        assert Command.objects.get().state == "queued"
    assert PASSWORD not in everything_kept()


def test_a_call_that_never_left_keeps_its_secret(station):
    queue(station)
    (sent,) = take(station)
    end(sent.command_id, accepted=False, error_code="NotSent")
    assert take(station)[0].payload == WHOLE


@pytest.mark.parametrize(
    "ending",
    [
        {},
        {"accepted": False, "status": "Rejected"},
        {"accepted": False, "error_code": "Timeout"},
    ],
    ids=["accepted", "rejected", "timeout"],
)
def test_a_command_that_is_over_has_forgotten_its_secret(station, ending):
    queue(station)
    (sent,) = take(station)
    end(sent.command_id, **ending)
    row = Command.objects.get()
    assert (row.payload, row.sealed_payload) == (MASKED, "")


def test_an_expired_and_a_cancelled_command_have_forgotten_too(station):
    queue(station, key="1")
    second = queue(station, key="2")
    assert commands.cancel(command_id=second.pk, at=NOON)
    commands.settle_overdue(at=later(minutes=5))
    found = Command.objects.order_by("pk").values_list("state", "sealed_payload")
    assert list(found) == [("expired", ""), ("cancelled", "")]


def test_a_payload_without_secret_is_kept_as_it_is(station):
    queue(station, {"key": "HeartbeatInterval", "value": "300"})
    row = Command.objects.get()
    assert (row.payload["value"], row.sealed_payload) == ("300", "")


def test_the_parts_of_a_long_command_are_sent_whole(station):
    DeviceVariable.objects.create(
        **station.who,
        component="DeviceDataCtrlr",
        variable="ItemsPerMessage",
        variable_instance="SetVariables",
        value="1",
        updated_at=NOON,
        changed_at=NOON,
    )
    asked = [set_password(1), set_password(2)]
    queue(station, {"setVariableData": asked}, action="SetVariables")
    assert PASSWORD not in everything_kept()
    for item in asked:
        (sent,) = take(station)
        assert sent.payload == {"setVariableData": [item]}
        commands.recover(
            charge_point_ids=[station.id], repeatable_actions=REPEATABLE, at=NOON
        )
        (sent,) = take(station)
        assert sent.payload == {"setVariableData": [item]}
        end(sent.command_id, response={"setVariableResult": []})
    assert not Command.objects.exclude(sealed_payload="").exists()


def test_the_same_key_with_another_secret_is_refused(station):
    queue(station)
    assert queue(station).pk == Command.objects.get().pk
    with pytest.raises(commands.UnableToQueueCommand) as caught:
        queue(station, {"key": "AuthorizationKey", "value": "another"})
    assert caught.value.code == "idempotency_key_reused"


def test_what_another_key_sealed_is_not_sent_and_says_so(station, settings):
    first = queue(station, key="1")
    second = queue(station, {"key": "HeartbeatInterval", "value": "5"}, key="2")
    settings.KEY_ENCRYPTION_KEY = Fernet.generate_key().decode()
    assert take(station) == []
    first.refresh_from_db()
    assert (first.state, first.error_code) == ("failed", "UnableToUnseal")
    assert take(station)[0].command_id == second.pk
