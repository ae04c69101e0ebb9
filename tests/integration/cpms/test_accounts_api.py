from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from cpms.accounts.models import ApiKey, Driver, DriverToken, Membership, Operator, User
from cpms.accounts.services import drivers, operators
from tests.integration.cpms.api_asking import (
    asking,  # noqa: F401 - a fixture
)

PASSWORD = "correct horse battery 7"

pytestmark = pytest.mark.django_db


@pytest.fixture
def two():
    return [
        operators.create_operator(
            code=code,
            name=code,
            country="DE",
            currency="EUR",
            time_zone="Europe/Berlin",
            by="test",
            at=timezone.now(),
        )
        for code in ("one", "two")
    ]


@pytest.fixture
def key(two):
    """A key of operator one that may read and write."""
    return operators.create_api_key(
        operator_code="one",
        scopes=["charge_points:write", "orders:read"],
        name="",
        by="test",
        at=timezone.now(),
    )


@pytest.fixture
def token():
    """A driver's token; there is another driver."""
    made = [
        drivers.sign_up(email=email, password=PASSWORD, locale="en", at=timezone.now())
        for email in ("ann@example.org", "bob@example.org")
    ]
    return made[0]


def bearer(token):
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def api_key(key):
    return {"HTTP_AUTHORIZATION": f"Api-Key {key}"}


def member(operator, role="owner", **fields):
    fields = {"is_staff": True, **fields}
    user = User.objects.create_user(f"{role}@example.org", **fields)
    Membership.objects.create(operator=operator, user=user, role=role)
    return user


def is_problem(answer, status, code):
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert body["code"] == code
    assert body["type"] == f"urn:cpms:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body


# Who asks


def test_a_drivers_token_is_a_driver(ask, token):
    answer = ask("get", "/echo", **bearer(token.token))

    assert answer.json() == {"pk": f"driver-{token.driver_id}"}
    said = ask("get", "/only-drivers", HTTP_AUTHORIZATION=f"bEARER {token.token}")
    assert said.json() == {"email": "ann@example.org"}


def test_an_api_key_is_its_operators_system(ask, key):
    answer = ask("get", "/echo", **api_key(key.key))

    assert answer.json() == {"pk": f"key-{key.id}"}


def test_nobody_is_asked_who_it_is(ask):
    answer = ask("get", "/echo")

    is_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer a b", "Basic YTpi", "Api-Key", "Token abc", "BearerX y"],
)
def test_a_header_of_another_shape_is_nobody(ask, header):
    is_problem(ask("get", "/echo", HTTP_AUTHORIZATION=header), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("Bearer unknown", "unknown, expired or revoked"),
        ("Api-Key unknown", "unknown, expired or revoked"),
        ("Api-Key unknown.secret", "unknown, expired or revoked"),
        ("Bearer " + "a" * 512, "too long"),
        ("Api-Key " + "a" * 512, "too long"),
        ("Bearer a\x00b", "not text"),
        ("Api-Key a\x00b", "not text"),
    ],
)
def test_a_wrong_credential_is_refused(ask, header, says):
    answer = ask("get", "/echo", HTTP_AUTHORIZATION=header)

    body = is_problem(answer, 401, "authentication_failed")
    assert says in body["detail"]
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_wrong_credential_is_refused_where_nobody_may_ask_too(ask, token):
    DriverToken.objects.all().delete()

    answer = ask("get", "/throttled", **bearer(token.token))

    is_problem(answer, 401, "authentication_failed")


def test_a_header_that_just_fits_is_looked_up(ask):
    answer = ask("get", "/echo", HTTP_AUTHORIZATION="Bearer " + "a" * 505)

    assert "unknown" in answer.json()["detail"]


@pytest.mark.parametrize(
    "end",
    [
        lambda now: DriverToken.objects.update(revoked_at=now),
        lambda now: DriverToken.objects.update(expires_at=now),
        lambda _: User.objects.update(is_active=False),
    ],
    ids=["revoked", "expired", "account closed"],
)
def test_a_token_that_ended_is_refused(ask, token, end):
    end(timezone.now())

    is_problem(ask("get", "/echo", **bearer(token.token)), 401, "authentication_failed")


def test_a_token_ends_by_itself(ask, token, time_machine):
    time_machine.move_to(token.expires_at - timedelta(seconds=1), tick=False)
    assert ask("get", "/echo", **bearer(token.token)).status_code == 200

    time_machine.move_to(token.expires_at, tick=False)
    assert ask("get", "/echo", **bearer(token.token)).status_code == 401


def test_an_api_key_that_ended_is_refused(ask, key, time_machine):
    end = datetime(2026, 5, 1, tzinfo=UTC)
    ApiKey.objects.update(expires_at=end)
    time_machine.move_to(end - timedelta(seconds=1), tick=False)
    assert ask("get", "/echo", **api_key(key.key)).status_code == 200
    time_machine.move_to(end, tick=False)
    assert ask("get", "/echo", **api_key(key.key)).status_code == 401

    ApiKey.objects.update(expires_at=None)
    assert ask("get", "/echo", **api_key(key.key)).status_code == 200
    ApiKey.objects.update(revoked_at=end)
    assert ask("get", "/echo", **api_key(key.key)).status_code == 401


def test_both_halves_of_a_key_are_needed(ask, key):
    prefix, _, secret = key.key.partition(".")

    for wrong in (prefix, f"{prefix}.", f".{secret}", secret, f"{prefix}.{secret}x"):
        assert ask("get", "/echo", **api_key(wrong)).status_code == 401


# Who may


def test_a_key_needs_the_scope(ask, key):
    assert ask("get", "/scoped", **api_key(key.key)).status_code == 200

    ApiKey.objects.update(scopes=["charge_points:read"])
    body = is_problem(
        ask("get", "/scoped", **api_key(key.key)), 403, "permission_denied"
    )
    assert "orders:read" in body["detail"]


def test_staff_may_and_other_users_and_drivers_may_not(ask, token):
    staff = User.objects.create_user("s@example.org", is_staff=True)
    other = User.objects.create_user("o@example.org")

    assert ask("get", "/scoped", user=staff).status_code == 200
    is_problem(ask("get", "/scoped", user=other), 403, "permission_denied")
    is_problem(ask("get", "/scoped", **bearer(token.token)), 403, "permission_denied")
    is_problem(ask("get", "/scoped"), 401, "not_authenticated")


def test_only_drivers_come_through_the_drivers_door(ask, key):
    is_problem(
        ask("get", "/only-drivers", **api_key(key.key)), 403, "permission_denied"
    )
    is_problem(ask("get", "/only-drivers"), 401, "not_authenticated")


# Whose rows


def test_a_key_sees_its_operator_only(ask, two, key):
    answer = ask("get", "/operators", **api_key(key.key))

    assert answer.json() == {"ids": [two[0].pk], "codes": ["one"]}


def test_staff_see_the_operators_at_which_their_role_allows_it(ask, two):
    user = member(two[0])
    other = Membership.objects.create(operator=two[1], user=user, role="viewer")
    assert ask("get", "/operators", user=user).json()["codes"] == ["one"]

    other.role = "technician"
    other.save()
    assert ask("get", "/operators", user=user).json()["codes"] == ["one", "two"]


def test_staff_whose_role_does_not_allow_it_are_refused(ask, two):
    for user in (
        member(two[0], "finance"),
        User.objects.create_user("nowhere@example.org", is_staff=True),
    ):
        body = is_problem(ask("get", "/operators", user=user), 403, "permission_denied")
        assert body["detail"] == "Your role at no operator allows this."


def test_a_view_without_a_scope_asks_for_membership(ask, two):
    assert ask("get", "/anybody", user=member(two[0], "viewer")).json() == {
        "ids": [two[0].pk]
    }


def test_who_is_no_operator_is_refused(ask, two, token):
    driver = bearer(token.token)
    user = User.objects.create_user("o@example.org")

    is_problem(ask("get", "/anybody"), 403, "permission_denied")
    is_problem(ask("get", "/anybody", **driver), 403, "permission_denied")
    is_problem(ask("get", "/anybody", user=user), 403, "permission_denied")
    is_problem(ask("get", "/operators"), 401, "not_authenticated")


def test_a_view_that_opens_its_scopes_itself_sees_nothing_before(ask, two, key):
    answer = ask("get", "/unscoped", **api_key(key.key))

    assert answer.json() == {"ids": [two[0].pk], "codes": []}


def names():
    return dict(Operator.objects.values_list("code", "name"))


def test_what_a_scoped_view_writes_stays_in_its_scope(ask, two, key):
    answer = ask("post", "/operators", {"name": "new"}, **api_key(key.key))

    assert (answer.status_code, answer.json()) == (201, {"renamed": 1})
    assert names() == {"one": "new", "two": "two"}


@pytest.mark.parametrize(("how", "status"), [("refuse", 409), ("crash", 500)])
def test_what_a_scoped_view_wrote_before_an_error_is_undone(ask, key, how, status):
    body = {"name": "new", how: True}

    answer = ask("post", "/operators", body, **api_key(key.key))

    assert answer.status_code == status
    assert names() == {"one": "one", "two": "two"}


def test_a_scope_ends_with_its_request(ask, two, key, as_role):
    ask("get", "/operators", **api_key(key.key))

    with as_role("app"):
        seen = Operator.objects.count()
    # The test's own transaction goes on, in which a request's scope is the last one.
    assert seen <= 1
    assert ask("get", "/unscoped").status_code == 401


def test_a_driver_sees_itself_only(ask, token):
    answer = ask("get", "/drivers", **bearer(token.token))

    assert answer.json() == {"id": token.driver_id, "emails": ["ann@example.org"]}
    unscoped = ask("get", "/drivers-unscoped", **bearer(token.token))
    assert unscoped.json()["id"] == token.driver_id


def test_what_a_drivers_view_wrote_before_an_error_is_undone(ask, token):
    answer = ask("post", "/drivers", {"locale": "de"}, **bearer(token.token))

    is_problem(answer, 409, "after_all")
    assert set(Driver.objects.values_list("locale", flat=True)) == {"en"}


def test_who_is_no_driver_is_refused(ask, two, key):
    for who in (api_key(key.key), {"user": member(two[0])}, {}):
        is_problem(ask("get", "/drivers", **who), 401, "not_authenticated")


# Too often


def test_too_often_says_when_to_come_back(ask, time_machine):
    time_machine.move_to(datetime(2026, 5, 1, tzinfo=UTC), tick=False)
    cache.clear()
    assert ask("get", "/throttled").status_code == 200

    answer = ask("get", "/throttled")

    is_problem(answer, 429, "throttled")
    assert answer["Retry-After"] == "60"
    time_machine.shift(timedelta(seconds=61))
    assert ask("get", "/throttled").status_code == 200
