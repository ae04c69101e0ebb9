"""Sites and tokens on the network's pages, and who may change them."""

import pytest

from charge_points.models import IdToken, Site
from tests.integration.charge_points.admin_deeds import (
    ROLES_THAT_LOOK,
    at,
    audited,
    log_in,
    web,
)
from tests.integration.charge_points.admin_world import (
    _no_collected_files,
    gateway,
    make_staff,
)
from tests.integration.charge_points.world import allow

__all__ = ["_no_collected_files", "web"]


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
