"""Every address of the REST interface, asked by those whom it does not concern."""

import json
import re
from contextlib import contextmanager

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from billing.models import Receipt
from charge_points.models import Command
from cpms.accounts.models import Vehicle
from settlement.services import methods
from tests.factories import accounts
from tests.integration.billing.conftest import (  # noqa: F401 - fixtures
    psp,
    psp_process,
)
from tests.integration.billing.world import make_world

pytestmark = pytest.mark.integration

METHODS = ("get", "post", "put", "patch", "delete")
PUBLIC = re.compile(r"jwks|sign-up|driver/token$|claim$|driver/price")
"""Addresses for everybody."""


def operations():
    """(method, path) of all that the schema names."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return [
        (method, path)
        for path, item in schema["paths"].items()
        for method in METHODS
        if method in item
    ]


@contextmanager
def serving():
    """Work as the web does: behind row level security."""
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_system")


@pytest.fixture
def town(db, psp):  # noqa: F811 - the fixture
    """An operator with a paid charge, and the keys to its rows."""
    world = make_world(psp)
    order = world.closed()
    command = Command.objects.filter(operator_id=world.operator.pk).first()
    car = accounts.vehicle(world.person)
    return {
        "identity": order.charge_point,
        "number": order.number,
        "command_id": command.pk,
        "vehicle_id": car.row.pk,
        "method_id": methods.default_for(world.driver.pk).id,
        "other_id": world.driver.pk,
        "driver_id": world.driver.pk,
        "receipt": Receipt.objects.get(order=order).number,
    }


def ask(method, path, keys, headers):
    """The answer to a request without content."""

    def filled(found):
        name = found.group(1)
        if name == "number" and "/receipts/" in path:
            name = "receipt"
        return str(keys.get(name, 1))

    url = re.sub(r"{(\w+)}", filled, path)
    client = Client(raise_request_exception=False, headers=headers)
    with serving():
        return client.generic(method.upper(), url, "{}", "application/json")


def test_nobody_gets_nothing(town):
    for method, path in operations():
        answer = ask(method, path, town, {})
        assert answer.status_code < 500, (method, path)
        if not PUBLIC.search(path):
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer["WWW-Authenticate"]
            assert json.loads(answer.content)["code"]


def test_another_operator_finds_nothing(town):
    other = accounts.operator()
    headers = accounts.api_key(other)
    refused = 0
    for method, path in operations():
        answer = ask(method, path, town, headers)
        assert answer.status_code < 500, (method, path)
        if "/driver/" in path and not PUBLIC.search(path):
            assert answer.status_code in {401, 403}, (method, path, answer.status_code)
        elif "/operator/" in path and "{" in path:
            # A body may be refused before the row is looked for.
            wanted = {404} if method == "get" else {404, 400, 422}
            assert answer.status_code in wanted, (method, path, answer.status_code)
            refused += 1
        body = getattr(answer, "content", b"").decode(errors="replace")
        assert "{" in path or town["number"] not in body, (method, path)
    assert refused > 20


def test_another_driver_finds_nothing(town):
    stranger = accounts.driver_with_card()
    for method, path in operations():
        if (method, path) == ("delete", "/api/v1/driver/token"):
            continue  # would log the stranger out
        answer = ask(method, path, town, stranger.headers)
        assert answer.status_code < 500, (method, path)
        if "/operator/" in path:
            assert answer.status_code in {401, 403}, (method, path, answer.status_code)
        elif "{" in path:
            if method == "get" and answer.status_code == 200:
                assert json.loads(answer.content) == [], path  # a list of nothing
                continue
            # Removing what one does not have is done at once; see below.
            wanted = {"get": {404}, "delete": {204, 404}}.get(method, {404, 400, 422})
            assert answer.status_code in wanted, (method, path, answer.status_code)
    kept = methods.default_for(town["driver_id"])
    assert kept is not None
    assert kept.id == town["method_id"]
    assert Vehicle.objects.get(pk=town["vehicle_id"]).revoked_at is None
