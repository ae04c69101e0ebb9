"""A command for the selected charge points, from the console's list to its progress."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from charge_points.models import ChargePoint, Command, CommandBatch
from charge_points.services import commands
from charge_points.services.facts import CommandAnswer
from cpms.accounts.models import AuditEntry, Membership, User
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    gateway,
    make_staff,
    set_version,
)
from tests.integration.charge_points.world import make_station


def at(name, *keys):
    return reverse(f"admin:charge_points_{name}", args=keys)


@pytest.fixture
def both(station):
    found = [station, make_station("CP-10")]
    for one in found:
        set_version(one, "1.6")
    ChargePoint.objects.update(connected_at=timezone.now())
    return found


@pytest.fixture
def web(client, both, as_role):
    client.force_login(
        make_staff("tech@example.org", both[0].operator_id, "technician")
    )
    with as_role("app"):
        yield client


def choose(client, stations):
    return client.post(
        at("chargepoint_changelist"),
        {"action": "send_command", "_selected_action": [s.id for s in stations]},
    )


def form_of(stations, action="ClearCache", payload=None, **more):
    return {
        "stations": ",".join(str(s.id) for s in stations),
        "ocpp_action": action,
        "payload": json.dumps(payload or {}),
        "lifetime": "60",
        "key": "one",
        **more,
    }


def send(client, stations, *args, **more):
    return client.post(at("commandbatch_send"), form_of(stations, *args, **more))


def test_the_list_leads_to_the_form_and_the_form_to_the_progress(web, both):
    chosen = choose(web, both).content.decode()
    assert "CP-10" in chosen
    assert 'value="ClearCache"' in chosen
    stations = ",".join(str(s.id) for s in both)
    form = web.post(
        at("commandbatch_send"), {"stations": stations, "ocpp_action": "Reset"}
    ).content.decode()
    assert "&quot;type&quot;" in form
    assert "Send Reset to 2" in form

    sent = send(web, both, at_once="1")
    row = CommandBatch.objects.get()
    assert sent.headers["Location"] == at("commandbatch_change", row.pk)
    page = web.get(at("commandbatch_change", row.pk)).content.decode()
    assert "0 of 2 charge points have a result" in page
    assert "this page looks again" in page
    with gateway():
        now = timezone.now()
        (first,) = commands.take_for_delivery(
            charge_point_ids=[s.id for s in both], node="n", at=now
        )
        commands.record_answers(
            answers=[
                CommandAnswer(
                    command_id=first.command_id,
                    accepted=False,
                    status="Rejected",
                    at=now,
                )
            ]
        )
    page = web.get(at("commandbatch_change", row.pk)).content.decode()
    assert "1 of 2 charge points have a result" in page
    only = web.get(at("commandbatch_change", row.pk), {"state": "rejected"})
    assert "CP-10" not in only.content.decode()
    assert web.get(at("commandbatch_changelist")).status_code == 200


def test_a_second_click_is_the_same_batch(web, both):
    assert send(web, both).headers["Location"] == send(web, both).headers["Location"]
    assert Command.objects.count() == 2
    assert AuditEntry.objects.filter(action="command_batch.sent").count() == 1


def test_a_payload_that_some_cannot_take_is_told_beside_the_field(web, both):
    with gateway():
        set_version(both[1], "2.0.1")
    answer = send(web, both, "Reset", {"type": "Soft"})
    assert answer.status_code == 200
    assert "1 of 2 charge points cannot take it: CP-10" in answer.content.decode()
    assert not CommandBatch.objects.exists()


def test_a_batch_that_is_refused_says_why(web, both):
    send(web, both)
    other = send(web, both, "ClearCache", at_once="1", key="one")
    assert other.status_code == 302, "the same question"
    answer = send(web, both[:1], "ClearCache")
    assert "used for another batch" in answer.content.decode()


def test_stations_that_never_connected_are_asked_nothing(web, both):
    with gateway():
        for one in both:
            set_version(one, "")
    assert "has ever connected" in choose(web, both).content.decode()


def test_nothing_selected_leads_back_to_the_list(web):
    answer = web.post(at("commandbatch_send"), {"stations": "x,"})
    assert answer.headers["Location"] == at("chargepoint_changelist")


def test_taking_back_stops_what_was_not_sent(web, both):
    send(web, both)
    row = CommandBatch.objects.get()
    web.post(at("commandbatch_cancel", row.pk))
    assert set(Command.objects.values_list("state", flat=True)) == {"cancelled"}
    again = web.post(at("commandbatch_cancel", row.pk), follow=True)
    assert "had ended already" in again.content.decode()


@pytest.mark.parametrize("role", ["viewer", "finance"])
def test_who_only_looks_sends_nothing(client, both, as_role, role):
    client.force_login(make_staff("look@example.org", both[0].operator_id, role))
    with as_role("app"):
        choose(client, both)
        assert send(client, both).status_code == 403
    assert not CommandBatch.objects.exists()


def test_a_foreign_station_is_not_reached(stranger, web, both):
    send(web, [both[0], stranger])
    assert not Command.objects.filter(charge_point_id=stranger.id).exists()


def test_stations_of_two_operators_are_not_asked_together(client, both, stranger):
    user = make_staff("two@example.org", both[0].operator_id, "technician")
    Membership.objects.create(
        user=User.objects.get(pk=user.pk),
        operator_id=stranger.operator_id,
        role="technician",
    )
    client.force_login(user)
    page = client.post(
        at("chargepoint_changelist"),
        {
            "action": "send_command",
            "_selected_action": [both[0].id, stranger.id],
        },
        follow=True,
    )
    assert "several operators" in page.content.decode()


def test_a_foreign_batch_is_not_shown(stranger, client, web, both):
    send(web, both)
    row = CommandBatch.objects.get()
    with gateway():
        user = make_staff("stranger@example.org", stranger.operator_id, "technician")
    client.force_login(user)
    assert client.get(at("commandbatch_change", row.pk)).status_code == 302
    assert client.post(at("commandbatch_cancel", row.pk)).status_code == 404


def test_who_only_looks_takes_nothing_back(client, web, both):
    send(web, both)
    row = CommandBatch.objects.get()
    with gateway():
        viewer = make_staff("view@example.org", both[0].operator_id, "viewer")
    client.force_login(viewer)
    assert client.post(at("commandbatch_cancel", row.pk)).status_code == 403
    page = client.get(at("commandbatch_change", row.pk)).content.decode()
    assert "Take back" not in page
