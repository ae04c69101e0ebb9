"""The operator's REST: charge points, and who sees which."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from charge_points.models import ChargePoint, Site
from charge_points.services.provisioning import credentials_for, password_hash
from cpms.accounts.models import AuditEntry, Operator
from tests.factories import accounts
from tests.integration.charge_points.api_world import (
    STATIONS,
    TRANSACTIONS,
    Caller,
    problem_of,
    staff_of,
    system_of,
)
from tests.integration.charge_points.world import make_operator, make_station


@pytest.fixture
def ours(station, as_role):
    return system_of(as_role)


def test_a_list_shows_stations_with_their_connectors(ours, station):
    (row,) = ours.rows(STATIONS)
    assert row["identity"] == station.identity
    assert (row["operator"], row["site"]) == ("one", "Main site")
    assert (row["online"], row["registration"]) == (False, "accepted")
    assert [(c["evse"], c["connector"]) for c in row["connectors"]] == [(1, 1), (2, 1)]
    assert row["connectors"][0]["max_power_w"] == 22_000
    assert len({c["code"] for c in row["connectors"]}) == 2
    assert not {key for key in row if "password" in key}


def test_one_station_looks_as_in_the_list(ours, station):
    answer = ours.get(f"{STATIONS}/{station.identity}")
    assert answer.json() == ours.rows(STATIONS)[0]


def test_lists_come_in_pages_that_lose_nothing(ours):
    for number in range(2, 8):
        make_station(f"CP-{number}")
    pages = ours.pages(STATIONS, page_size=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    found = [row["identity"] for page in pages for row in page]
    assert found == [f"CP-{number}" for number in range(7, 0, -1)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"online": "true"}, ["CP-2"]),
        ({"online": "false"}, ["CP-3", "CP-1"]),
        ({"site": "Yard"}, ["CP-3"]),
        ({"vendor": "Acme", "registration": "accepted"}, ["CP-3", "CP-2"]),
        ({"vendor": "Acme", "online": "true"}, ["CP-2"]),
        ({"security_profile": "1"}, ["CP-3", "CP-2", "CP-1"]),
        ({"model": "none"}, []),
    ],
)
def test_a_list_shows_what_is_asked_for(ours, station, asked, found):
    for number in (2, 3):
        make_station(f"CP-{number}")
    rows, at = ChargePoint.objects, timezone.now()
    yard = Site.objects.create(
        operator_id=station.operator_id, name="Yard", created_at=at
    )
    rows.exclude(identity=station.identity).update(vendor="Acme")
    rows.filter(identity="CP-2").update(connected_at=at)
    rows.filter(identity="CP-3").update(connected_at=at, disconnected_at=at, site=yard)
    assert [row["identity"] for row in ours.rows(STATIONS, **asked)] == found


@pytest.mark.parametrize(
    ("name", "value"),
    [("online", "perhaps"), ("registration", "some"), ("security_profile", "9")],
)
def test_a_filter_that_cannot_be_is_named(ours, name, value):
    answer = ours.get(STATIONS, **{name: value})
    assert answer.status_code == 400
    assert name in answer.content.decode()


def test_a_page_keeps_its_place_while_stations_are_added(ours):
    make_station("CP-2")
    first = ours.get(STATIONS, page_size=1).json()
    make_station("CP-3")
    second = ours.get(first["next"].removeprefix("http://testserver")).json()
    assert first["results"][0]["identity"] == "CP-2"
    assert second["results"][0]["identity"] == "CP-1"


@pytest.mark.parametrize("cursor", ["x", "cD1hYmM=", "cD0lMDA=", "bz14"])
def test_a_made_up_cursor_is_refused(ours, cursor):
    answer = ours.get(f"{STATIONS}?cursor={cursor}")
    assert problem_of(answer) == (404, "not_found")


def test_a_list_costs_the_same_however_long_it_is(ours):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            ours.rows(STATIONS)
        return len(queries)

    one = cost()
    for number in range(2, 12):
        make_station(f"CP-{number}", evses=3)
    assert cost() == one


# -- taking one in ---------------------------------------------------------------


def create(caller, identity="CP-9", **values):
    return caller.post(STATIONS, {"identity": identity, **values})


def test_a_new_station_gets_a_password_that_is_shown_once(ours):
    answer = create(ours, evses=2, max_power_w=11_000, site="Yard")
    assert answer.status_code == 201
    body = answer.json()
    known = credentials_for(identity="CP-9")
    assert known.password_digests == (bytes.fromhex(password_hash(body["password"])),)
    assert len(body["connector_codes"]) == 2
    row = ours.get(f"{STATIONS}/CP-9").json()
    assert (row["site"], row["operator"]) == ("Yard", "one")
    assert [c["code"] for c in row["connectors"]] == body["connector_codes"]
    assert {c["max_power_w"] for c in row["connectors"]} == {11_000}
    assert body["password"] not in str(row)
    entry = AuditEntry.objects.filter(action="charge_point.created").latest("id")
    assert entry.actor.startswith("API key ")
    assert body["password"] not in str(entry.changes)


def test_a_given_password_is_taken(ours):
    password = "0123456789abcdef"
    assert create(ours, password=password).json()["password"] == password


def test_the_same_key_tells_the_password_again_and_makes_no_second_station(ours):
    answers = [ours.post(STATIONS, {"identity": "CP-9"}, key="k") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert ChargePoint.objects.filter(identity="CP-9").count() == 1
    other = ours.post(STATIONS, {"identity": "CP-10"}, key="k")
    assert problem_of(other) == (422, "idempotency_key_reused")


def test_profile_0_needs_the_operators_permission(ours):
    answer = create(ours, security_profile=0)
    assert problem_of(answer) == (409, "security_profile_0_not_allowed")
    assert not ChargePoint.objects.filter(identity="CP-9").exists()
    Operator.objects.filter(code="one").update(allow_security_profile_0=True)
    answer = create(ours, security_profile=0)
    assert (answer.status_code, answer.json()["password"]) == (201, None)


def test_a_station_with_a_client_certificate_has_no_password(ours):
    assert create(ours, security_profile=3).json()["password"] is None
    answer = create(ours, "CP-10", security_profile=3, password="0123456789abcdef")
    assert problem_of(answer) == (400, "validation_failed")
    assert "no password" in answer.json()["errors"]["password"][0]


@pytest.mark.parametrize("whose", ["one", "two"])
def test_an_identity_is_unique_on_the_platform(ours, whose):
    """Also when the other station is one that the caller cannot see."""
    if whose == "two":
        make_operator("two")
    make_station("CP-9", whose)
    answer = create(ours)
    assert problem_of(answer) == (409, "identity_taken")
    assert Site.objects.filter(operator__code="one").count() == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"identity": "CP 9"}, "identity"),
        ({"identity": "CP/9"}, "identity"),
        ({"identity": "CP\0"}, "identity"),
        ({"identity": "x" * 49}, "identity"),
        ({"identity": ""}, "identity"),
        ({"evses": 0}, "evses"),
        ({"evses": 10**20}, "evses"),
        ({"security_profile": 4}, "security_profile"),
        ({"password": "too short"}, "password"),
        ({"max_power_w": -1}, "max_power_w"),
        ({"max_power_w": 10**12}, "max_power_w"),
        ({"connector_type": "SCHUKO"}, "connector_type"),
        ({"ocpp_version": "1.5"}, "ocpp_version"),
        ({"site": "x" * 121}, "site"),
        ({"site": "a\0b"}, "site"),
        ({"operator": "not a code"}, "operator"),
    ],
)
def test_a_wrong_field_is_named(ours, values, field):
    answer = create(ours, **values)
    assert problem_of(answer) == (400, "validation_failed")
    assert list(answer.json()["errors"]) == [field]
    assert ChargePoint.objects.count() == 1


@pytest.mark.parametrize("body", ["", "{", "[1]", '"x"', "null", "[" * 100_000])
def test_a_body_that_is_no_object_is_refused(ours, body):
    assert problem_of(ours.post(STATIONS, body))[0] == 400


# -- walls -----------------------------------------------------------------------


@pytest.mark.parametrize("identity", ["CP-2", "CP-404", "CP%00", "a b", "%C3%BC"])
def test_a_foreign_station_is_as_unknown_as_none(ours, stranger, identity):
    for path in ("", "/commands", "/commands/1", "/messages", "/transactions"):
        answer = ours.get(f"{STATIONS}/{identity}{path}")
        assert problem_of(answer) == (404, "unknown_charge_point"), path
    command = {"action": "ClearCache"}
    answer = ours.post(f"{STATIONS}/{identity}/commands", command)
    assert problem_of(answer) == (404, "unknown_charge_point")


def test_lists_hold_no_foreign_rows(ours, stranger):
    assert [row["identity"] for row in ours.rows(STATIONS)] == ["CP-1"]
    stranger.start("T")
    assert ours.rows(TRANSACTIONS) == []


@pytest.mark.parametrize(
    ("scope", "read", "create_", "send"),
    [
        ("charge_points:read", True, False, False),
        ("charge_points:write", False, True, False),
        ("commands:write", False, False, True),
        ("orders:read", False, False, False),
    ],
)
def test_a_key_does_what_its_scope_allows(station, as_role, scope, read, create_, send):
    caller = system_of(as_role, "one", scope)
    own = f"{STATIONS}/{station.identity}"
    for path in (STATIONS, own, f"{own}/messages", f"{own}/transactions", TRANSACTIONS):
        assert (caller.get(path).status_code == 200) is read, path
    assert (create(caller).status_code == 201) is create_
    sent = caller.post(f"{own}/commands", {"action": "ClearCache"})
    assert (problem_of(sent) == (409, "version_unknown")) is send
    # Who may send must be able to see what became of it.
    for path in ("/commands", "/commands/1"):
        allowed = caller.get(f"{own}{path}").status_code in {200, 404}
        assert allowed is (read or send)


def test_a_refusal_names_the_scope_that_is_missing(station, as_role):
    answer = system_of(as_role, "one", "orders:read").get(STATIONS)
    assert problem_of(answer) == (403, "permission_denied")
    assert "charge_points:read" in answer.json()["detail"]


def test_strangers_and_drivers_are_turned_away(station, as_role):
    nobody = Caller(Client(), as_role)
    assert problem_of(nobody.get(STATIONS)) == (401, "not_authenticated")
    wrong = Caller(Client(headers={"Authorization": "Api-Key a.b"}), as_role)
    assert problem_of(wrong.get(STATIONS)) == (401, "authentication_failed")
    driver = Caller(Client(headers=accounts.driver().headers), as_role)
    assert problem_of(driver.get(STATIONS)) == (403, "permission_denied")


def test_staff_of_two_operators_sees_both_and_says_whose_a_new_one_is(
    station, stranger, as_role
):
    staff = staff_of(as_role, {"one": "owner", "two": "technician"})
    assert {row["operator"] for row in staff.rows(STATIONS)} == {"one", "two"}
    assert staff.get(f"{STATIONS}/CP-2").status_code == 200
    answer = create(staff)
    assert problem_of(answer) == (400, "operator_ambiguous")
    assert "one, two" in answer.json()["detail"]
    assert create(staff, operator="two").json()["operator"] == "two"
    assert ChargePoint.objects.get(identity="CP-9").operator.code == "two"


def test_staff_creates_only_where_its_role_allows(station, stranger, as_role):
    staff = staff_of(as_role, {"one": "viewer", "two": "technician"})
    assert len(staff.rows(STATIONS)) == 2
    answer = create(staff, operator="one")
    assert problem_of(answer) == (400, "unknown_operator")
    assert create(staff).json()["operator"] == "two"
    viewer = staff_of(as_role, {"one": "viewer"})
    assert problem_of(create(viewer, "CP-10")) == (403, "permission_denied")


def test_a_key_names_no_other_operator(ours, stranger):
    answer = create(ours, operator="two")
    assert problem_of(answer) == (400, "unknown_operator")
