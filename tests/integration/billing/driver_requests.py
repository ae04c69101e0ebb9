"""Requests of drivers, as the web's database role."""

from datetime import timedelta

import pytest
from django.utils import timezone

from settlement.services import method_pages
from tests.integration.billing.world import API, api

DRIVER = f"{API}/driver"


@pytest.fixture
def web(as_role):
    """Requests as the web makes them: under row level security."""

    def call(method, path, body=None, headers=None, **query):
        client = api(headers)
        with as_role("app"):
            if body is None and method in {"get", "delete"}:
                return getattr(client, method)(path, query_params=query)
            return getattr(client, method)(
                path, body or {}, content_type="application/json"
            )

    return call


@pytest.fixture
def mine(web, world):
    """Requests of the world's driver."""

    def call(method, path, body=None, **query):
        return web(method, f"{DRIVER}{path}", body, world.person.headers, **query)

    return call


def code_of(answer):
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:cpms:problem:{body['code']}"
    return body["code"]


def look_at_method_pages():
    """As the worker does when a driver came back without telling."""
    now = timezone.now()
    for page_id in method_pages.to_look_at(at=now + timedelta(hours=1)):
        method_pages.look(page_id=page_id, at=now)
