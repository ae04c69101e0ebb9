"""Commands from the network's pages: who sends them, and what is refused."""

import json

import pytest

from tests.integration.charge_points.admin_deeds import (
    ROLES_THAT_LOOK,
    at,
    audited,
    log_in,
    web,
)
from tests.integration.charge_points.admin_world import (
    _no_collected_files,
    ask,
    commands_of,
    gateway,
    set_version,
)
from tests.integration.charge_points.world import NOON

__all__ = ["_no_collected_files", "web"]


# Commands
def form_of(web, station, action):
    return web.get(at("chargepoint_send", station.id), {"action": action}).context[
        "form"
    ]


def send(web, station, action, payload, **more):
    form = {
        "action": action,
        "payload": payload if isinstance(payload, str) else json.dumps(payload),
        "lifetime": "10",
        "key": "k",
        **more,
    }
    return web.post(at("chargepoint_send", station.id), form)


def test_a_command_is_queued_as_it_was_written(web, station):
    answer = send(web, station, "Reset", {"type": "Soft"})
    (row,) = commands_of(station)
    assert answer["Location"] == at("command_change", row.pk)
    assert (row.action, row.payload, row.state) == ("Reset", {"type": "Soft"}, "queued")
    assert row.requested_by.startswith("technician")
    assert (row.expires_at - row.created_at).total_seconds() == 600
    assert audited()[-1] == "command.queued"


def test_a_second_click_is_the_same_command(web, station):
    send(web, station, "Reset", {"type": "Soft"})
    send(web, station, "Reset", {"type": "Soft"})
    assert len(commands_of(station)) == 1
    assert audited().count("command.queued") == 1


def test_a_key_used_for_something_else_is_refused(web, station):
    send(web, station, "Reset", {"type": "Soft"})
    answer = send(web, station, "Reset", {"type": "Hard"})
    assert "take a new one" in answer.content.decode()
    assert len(commands_of(station)) == 1


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("{", "This is not JSON"),
        ("[]", "A payload is a JSON object"),
        ("{}", "the field &#x27;type&#x27; is missing"),
        ('{"type": "Softly"}', "not one of those"),
        ('{"type": NaN}', "NaN is not a number"),
        ('{"type": "\\u0000"}', "U+0000"),
        ('{"type": "Soft", "x": 1}', "unexpected field"),
        ("[" * 3000 + "]" * 3000, "nested too deeply"),
        ('{"x":' * 500 + "1" + "}" * 500, "nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_payload_is_said(web, station, payload, said):
    answer = send(web, station, "Reset", payload)
    assert said in answer.content.decode()
    assert commands_of(station) == []


def test_an_escaped_backslash_before_u0000_is_text(web, station):
    payload = {"key": "K", "value": "C:\\u0000"}
    send(web, station, "ChangeConfiguration", payload)
    assert commands_of(station)[0].payload == payload


def test_actions_are_those_of_the_stations_version(web, station):
    page = web.get(at("chargepoint_send", station.id)).content.decode()
    assert "RemoteStartTransaction" in page
    assert "RequestStartTransaction" not in page
    assert "StatusNotification" not in page
    with gateway():
        set_version(station, "2.0.1")
    page = web.get(at("chargepoint_send", station.id)).content.decode()
    assert "RequestStartTransaction" in page
    unknown = send(web, station, "RemoteStartTransaction", {})
    assert unknown.context["action"] == ""
    assert commands_of(station) == []


def test_a_station_that_never_connected_cannot_be_asked(web, station):
    with gateway():
        set_version(station, "")
    page = web.get(at("chargepoint_send", station.id)).content.decode()
    assert "has never connected" in page


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_every_action_has_a_form_with_its_fields(web, station, version):
    from charge_points.ocpp.schemas import MESSAGE_SETS  # noqa: PLC0415

    with gateway():
        set_version(station, version)
    for action in sorted(MESSAGE_SETS[version].outgoing):
        form = form_of(web, station, action)
        assert isinstance(json.loads(form.initial["payload"]), dict), action


def test_a_prefilled_payload_that_is_broken_gives_way_to_the_example(web, station):
    page = web.get(
        at("chargepoint_send", station.id), {"action": "Reset", "payload": "{"}
    )
    assert json.loads(page.context["form"].initial["payload"]) == {"type": "Hard"}


@pytest.mark.parametrize("role", ROLES_THAT_LOOK)
def test_who_only_looks_sends_nothing(client, station, role):
    set_version(station, "1.6")
    log_in(client, station.operator_id, role)
    assert client.get(at("chargepoint_send", station.id)).status_code == 403
    assert send(client, station, "Reset", {"type": "Soft"}).status_code == 403
    assert commands_of(station) == []


def test_a_full_queue_is_said(web, station, monkeypatch):
    monkeypatch.setattr("charge_points.services.commands.queueing.QUEUED_MAX", 0)
    answer = send(web, station, "Reset", {"type": "Soft"})
    assert "wait already" in answer.content.decode()


def test_a_waiting_command_is_taken_back(web, station):
    with gateway():
        row = ask(station, "Reset", {"type": "Soft"}, key="k")
    web.post(at("command_cancel", row.pk))
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert audited()[-1] == "command.cancelled"


def test_a_sent_command_cannot_be_taken_back(web, station):
    with gateway():
        row = ask(station, "Reset", {"type": "Soft"}, key="k")
        row.state, row.sent_at = "sent", NOON
        row.save()
    answer = web.post(at("command_cancel", row.pk), follow=True)
    assert "was sent already" in answer.content.decode()
    assert "command.cancelled" not in audited()


def test_who_looks_takes_nothing_back(client, station):
    row = ask(station, "Reset", {"type": "Soft"}, key="k")
    log_in(client, station.operator_id, "viewer")
    assert client.post(at("command_cancel", row.pk)).status_code == 403
