"""Who may take in charge points on the network's pages, and what it leaves behind."""

import pytest

from charge_points.models import ChargePoint
from charge_points.services import provisioning
from tests.integration.charge_points.admin_deeds import (
    ROLES_THAT_ACT,
    ROLES_THAT_LOOK,
    at,
    audited,
    log_in,
    pending,
    web,
)
from tests.integration.charge_points.admin_world import (
    _no_collected_files,
    gateway,
    make_staff,
)
from tests.integration.charge_points.world import make_operator

__all__ = ["_no_collected_files", "web"]


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
