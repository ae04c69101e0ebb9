"""Many requests of two operators at once, to a real ASGI server."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from cpms.accounts.models import Membership, Operator, User
from cpms.accounts.services.operators import create_api_key
from tests.integration.charge_points.world import NOON, make_operator, make_station
from tests.integration.ops.processes import environment, until, web

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ASKERS = 16
ROUNDS = 8


@pytest.fixture
def operators(transactional_db):
    """Two operators with three charge points each, a key and a member's session."""
    found = {}
    for code in ("one", "two"):
        make_operator(code)
        for number in range(3):
            make_station(f"{code.upper()}-{number}", code)
        key = create_api_key(
            operator_code=code, name="t", scopes=["charge_points:read"], by="t", at=NOON
        )
        found[code] = {"Authorization": f"Api-Key {key.key}"}
    return found


def sessions():
    """A cookie of a member of each operator."""
    found = {}
    for code in ("one", "two"):
        user = User.objects.create_user(f"{code}@example.org", "x", is_staff=True)
        operator = Operator.objects.get(code=code)
        Membership.objects.create(user=user, operator=operator, role="viewer")
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        found[code] = {"Cookie": f"{name}={client.cookies[name].value}"}
    return found


def connections_of_the_web():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = 'cpms_app'"
        )
        return cursor.fetchone()[0]


def test_scopes_of_operators_never_mix_and_connections_do_not_pile_up(
    operators, valkey, tmp_path
):
    pages = sessions()
    with web(environment(valkey.ensure(), role="app"), tmp_path) as site:

        def ask(number):
            code, other = (("one", "TWO-"), ("two", "ONE-"))[number % 2]
            for turn in range(ROUNDS):
                if turn % 2:
                    path, headers = "/api/v1/operator/charge-points", operators[code]
                else:
                    path = "/admin/charge_points/chargepoint/"
                    headers = pages[code]
                status, text = site.get(path, **headers)
                assert status == 200, text[:500]
                assert other not in text
                assert f"{code.upper()}-0" in text
            return code

        with ThreadPoolExecutor(ASKERS) as pool:
            running = [pool.submit(ask, number) for number in range(ASKERS)]
            most = 0
            while not all(each.done() for each in running):
                most = max(most, connections_of_the_web())
            assert (
                sorted(each.result() for each in running) == ["one"] * 8 + ["two"] * 8
            )
        assert 0 < most <= ASKERS + 1
        # Each request has a thread of its own, so one kept open serves nobody.
        assert until(lambda: connections_of_the_web() == 0)


def test_a_request_leaves_no_scope_behind(operators, valkey, tmp_path):
    with web(environment(valkey.ensure(), role="app"), tmp_path) as site:
        for _ in range(3):
            assert (
                site.get("/api/v1/operator/charge-points", **operators["one"])[0] == 200
            )
            status, text = site.get("/api/v1/operator/charge-points")
            assert status == 401
            assert "code" in json.loads(text)
