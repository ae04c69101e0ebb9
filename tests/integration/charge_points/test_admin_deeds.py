"""What may be done from the network's pages, by whom, and what it leaves behind."""

import json

import pytest
from django.urls import reverse

from charge_points.models import ChargePoint, IdToken, Site
from charge_points.services import provisioning
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.admin_world import (
    _no_collected_files,  # noqa: F401 - a fixture
    ask,
    commands_of,
    gateway,
    make_staff,
    set_version,
)
from tests.integration.charge_points.world import NOON, allow, make_operator

ROLES_THAT_ACT = ["owner", "technician"]
ROLES_THAT_LOOK = ["finance", "viewer"]


def at(name, *keys):
    return reverse(f"admin:charge_points_{name}", args=keys)


def log_in(client, operator_id, role="technician"):
    client.force_login(
        make_staff(f"{role}{operator_id}@example.org", operator_id, role)
    )
    return client


@pytest.fixture
def web(client, station, as_role):
    """A technician, served under the web's own database role."""
    set_version(station, "1.6")
    log_in(client, station.operator_id)
    with as_role("app"):
        yield client


def pending(station):
    ChargePoint.objects.filter(pk=station.id).update(registration="pending")


def audited():
    rows = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    return [action for action in rows if action != "operator.created"]


# Registration


@pytest.mark.parametrize("role", ROLES_THAT_ACT)
def test_a_waiting_charge_point_is_accepted_by_one_click(
    client, station, as_role, role
):
    pending(station)
    log_in(client, station.operator_id, role)
    with as_role("app"):
        page = client.get(at("chargepoint_change", station.id)).content.decode()
        answer = client.post(
            at("chargepoint_register", station.id), {"registration": "accepted"}
        )
    assert 'value="accepted">Accept<' in page
    assert answer.status_code == 302
    assert station.row.registration == "accepted"
    assert audited()[-1] == "charge_point.registration_changed"


@pytest.mark.parametrize("role", ROLES_THAT_LOOK)
def test_who_only_looks_can_accept_nothing(client, station, role):
    pending(station)
    log_in(client, station.operator_id, role)
    page = client.get(at("chargepoint_change", station.id)).content.decode()
    answer = client.post(
        at("chargepoint_register", station.id), {"registration": "accepted"}
    )
    assert "Accept<" not in page
    assert "New password" not in page
    assert answer.status_code == 403
    assert station.row.registration == "pending"


def test_a_technician_elsewhere_is_a_viewer_here(client, station, stranger):
    pending(station)
    user = make_staff("both@example.org", stranger.operator_id, "technician")
    user.membership_set.create(operator_id=station.operator_id, role="viewer")
    client.force_login(user)
    here = client.post(
        at("chargepoint_register", station.id), {"registration": "accepted"}
    )
    there = client.post(
        at("chargepoint_register", stranger.id), {"registration": "rejected"}
    )
    assert (here.status_code, there.status_code) == (403, 302)
    assert station.row.registration == "pending"
    assert stranger.row.registration == "rejected"


def test_a_foreign_charge_point_cannot_be_accepted(stranger, web):
    answer = web.post(
        at("chargepoint_register", stranger.id), {"registration": "rejected"}
    )
    assert answer.status_code == 404


def test_words_that_are_no_registration_change_nothing(web, station):
    web.post(at("chargepoint_register", station.id), {"registration": "perhaps"})
    assert station.row.registration == "accepted"


def test_nothing_is_done_by_looking(web, station):
    for name in ("register", "password"):
        assert web.get(at(f"chargepoint_{name}", station.id)).status_code == 405


def test_many_are_accepted_from_the_list(client, station, stranger):
    pending(station)
    pending(stranger)
    log_in(client, station.operator_id)
    client.post(
        at("chargepoint_changelist"),
        {"action": "accept", "_selected_action": [station.id, stranger.id]},
    )
    assert station.row.registration == "accepted"
    assert stranger.row.registration == "pending"


def test_the_list_offers_no_action_to_those_who_look(client, station):
    log_in(client, station.operator_id, "viewer")
    pending(station)
    client.post(
        at("chargepoint_changelist"),
        {"action": "accept", "_selected_action": [station.id]},
    )
    assert station.row.registration == "pending"


def test_accepting_from_the_list_asks_the_role_at_each_operator(
    client, station, stranger
):
    pending(station)
    user = make_staff("both@example.org", stranger.operator_id, "technician")
    user.membership_set.create(operator_id=station.operator_id, role="viewer")
    client.force_login(user)
    answer = client.post(
        at("chargepoint_changelist"),
        {"action": "accept", "_selected_action": [station.id]},
    )
    assert answer.status_code == 403
    assert station.row.registration == "pending"


# Passwords and new charge points


def test_a_new_password_is_shown_once_and_is_the_one_that_counts(web, station):
    answer = web.post(at("chargepoint_password", station.id))
    password = answer.context["password"]
    assert password in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert station.row.password_hash_next == provisioning.password_hash(password)
    assert (
        "being changed"
        in web.get(at("chargepoint_change", station.id)).content.decode()
    )


NEW = {
    "identity": "NEW-1",
    "site": "Yard",
    "security_profile": "1",
    "evses": "2",
    "connector_type": "",
    "max_power_w": "22000",
}


def test_a_charge_point_is_taken_in(web, station):
    answer = web.post(at("chargepoint_add"), {**NEW, "operator": station.operator_id})
    row = ChargePoint.objects.get(identity="NEW-1")
    assert row.operator_id == station.operator_id
    assert row.password_hash == provisioning.password_hash(answer.context["password"])
    assert [str(c) for c in answer.context["connectors"]] == ["1.1", "2.1"]
    assert audited()[-1] == "charge_point.created"


def test_the_only_operator_is_chosen_already(web, station):
    form = web.get(at("chargepoint_add")).context["form"]
    assert form.fields["operator"].initial.pk == station.operator_id


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"identity": "CP-1"}, "exists already"),
        ({"identity": "a b"}, "no charge point identity"),
        ({"security_profile": "0"}, "does not allow security profile 0"),
        ({"evses": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_with_a_new_charge_point_is_said(web, station, wrong, said):
    answer = web.post(
        at("chargepoint_add"), {**NEW, "operator": station.operator_id, **wrong}
    )
    assert said in answer.content.decode()
    assert not ChargePoint.objects.filter(identity="NEW-1").exists()


def test_nobody_adds_to_a_foreign_operator(web, station):
    with gateway():
        foreign = make_operator("three")
    web.post(at("chargepoint_add"), {**NEW, "operator": foreign.pk})
    assert not ChargePoint.objects.filter(identity="NEW-1").exists()


def test_platform_staff_adds_to_any_operator(client, station):
    client.force_login(make_staff("root@example.org", is_superuser=True))
    client.post(at("chargepoint_add"), {**NEW, "operator": station.operator_id})
    assert ChargePoint.objects.filter(identity="NEW-1").exists()


def test_who_looks_adds_nothing(client, station):
    log_in(client, station.operator_id, "viewer")
    assert client.get(at("chargepoint_add")).status_code == 403


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


# Sites

SITE = {
    "name": "Harbour",
    "country": "de",
    "time_zone": "Europe/Berlin",
    "address": "",
    "city": "",
    "postal_code": "",
    "latitude": "",
    "longitude": "",
}


def test_a_site_is_made_and_changed_with_an_audit_row(web, station):
    web.post(at("site_add"), {**SITE, "operator": station.operator_id})
    row = Site.objects.get(name="Harbour")
    assert (row.operator_id, row.country) == (station.operator_id, "DE")
    web.post(at("site_change", row.pk), {**SITE, "city": "Kiel"})
    row.refresh_from_db()
    assert row.city == "Kiel"
    assert audited()[-2:] == ["site.created", "site.changed"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"time_zone": "Berlin"}, "no time zone"),
        ({"country": "D1"}, "two letters"),
        ({"latitude": "91"}, "site_latitude_range"),
    ],
)
def test_what_is_wrong_with_a_site_is_said(web, station, wrong, said):
    answer = web.post(
        at("site_add"), {**SITE, "operator": station.operator_id, **wrong}
    )
    assert said in answer.content.decode()
    assert not Site.objects.filter(name="Harbour").exists()


def test_a_site_stays_with_its_operator(client, station, stranger, as_role):
    user = make_staff("both@example.org", stranger.operator_id, "technician")
    user.membership_set.create(operator_id=station.operator_id, role="technician")
    client.force_login(user)
    key = station.row.site_id
    with as_role("app"):
        client.post(at("site_change", key), {**SITE, "operator": stranger.operator_id})
    row = Site.objects.get(pk=key)
    assert (row.operator_id, row.name) == (station.operator_id, "Harbour")


@pytest.mark.parametrize("role", ROLES_THAT_LOOK)
def test_who_only_looks_changes_no_site(client, station, role):
    log_in(client, station.operator_id, role)
    key = station.row.site_id
    assert client.post(at("site_change", key), SITE).status_code == 403
    assert client.get(at("site_add")).status_code == 403


# Tokens

TOKEN = {
    "token": "04ab",
    "status": "accepted",
    "token_type": "",
    "group_id": "",
    "expires_at_0": "",
    "expires_at_1": "",
}


def test_a_token_is_allowed_through_its_service(web, station):
    web.post(at("idtoken_add"), {**TOKEN, "operator": station.operator_id})
    row = IdToken.objects.get()
    assert (row.token_key, row.status) == ("04AB", "accepted")
    assert audited()[-1] == "id_token.created"


def test_a_change_of_a_token_keeps_whose_account_it_is(web, station):
    with gateway():
        row = allow(
            "tag",
            operator_id=station.operator_id,
            driver_id=7,
            account_state="blocked",
        )
    web.post(at("idtoken_change", row.pk), {**TOKEN, "status": "blocked"})
    row.refresh_from_db()
    assert (row.status, row.token, row.driver_id) == ("blocked", "tag", 7)
    assert row.account_state == "blocked"
    assert audited()[-1] == "id_token.changed"


def test_a_change_of_a_token_keeps_what_the_page_does_not_show(web, station):
    with gateway():
        row = allow("tag", operator_id=station.operator_id, allowed_site_ids=[7])
    hours = {"valid_from": "08:00", "valid_until": "20:00", "stop_only": "on"}
    web.post(at("idtoken_change", row.pk), {**TOKEN, **hours})
    row.refresh_from_db()
    assert (row.allowed_site_ids, row.stop_only) == ([7], True)
    assert (row.valid_from.hour, row.valid_until.hour) == (8, 20)


def test_hours_of_a_token_have_two_ends(web, station):
    hours = {"operator": station.operator_id, "valid_from": "08:00"}
    answer = web.post(at("idtoken_add"), {**TOKEN, **hours})
    assert b"a begin and an end" in answer.content
    assert not IdToken.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"token": "TAG"}, "has a policy already"), ({"operator": ""}, "required")],
)
def test_what_is_wrong_with_a_token_is_said(web, station, wrong, said):
    with gateway():
        allow("tag", operator_id=station.operator_id)
    answer = web.post(
        at("idtoken_add"), {**TOKEN, "operator": station.operator_id, **wrong}
    )
    assert said in answer.content.decode()
    assert IdToken.objects.count() == 1


def test_tokens_of_all_operators_are_the_platforms(client, station, as_role):
    common = allow("common")
    log_in(client, station.operator_id, "owner")
    with as_role("app"):
        assert client.get(at("idtoken_change", common.pk)).status_code == 302
    client.force_login(make_staff("root@example.org", is_superuser=True))
    with as_role("app"):
        client.post(at("idtoken_change", common.pk), {**TOKEN, "status": "blocked"})
        client.post(at("idtoken_add"), {**TOKEN, "operator": ""})
    common.refresh_from_db()
    assert common.status == "blocked"
    assert IdToken.objects.filter(operator=None).count() == 2


@pytest.mark.parametrize("role", ROLES_THAT_LOOK)
def test_who_only_looks_changes_no_token(client, station, role):
    row = allow("tag", operator_id=station.operator_id)
    log_in(client, station.operator_id, role)
    assert client.post(at("idtoken_change", row.pk), TOKEN).status_code == 403
    assert client.get(at("idtoken_add")).status_code == 403
