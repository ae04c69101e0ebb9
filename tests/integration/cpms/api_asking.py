"""Asking the views of ``api_world`` under the web's own database role."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cpms.accounts.services.operators import create_api_key, create_operator
from tests.integration.cpms.api_world import Deeds


@pytest.fixture(name="ask")
def asking(as_role, settings):
    """``ask("post", "/path", data, HTTP_…=…)`` as the web answers it."""
    settings.ROOT_URLCONF = "tests.integration.cpms.api_world"

    def call(method, path, data=None, *, user=None, **extra):
        client = APIClient(raise_request_exception=False)
        if user is not None:
            client.force_login(user)
        if method != "get":
            extra = {"format": "json", **extra}
        with as_role("app"):
            return getattr(client, method)(path, data, **extra)

    return call


@pytest.fixture(name="deeds")
def counted_deeds(monkeypatch):
    """The deeds of the idempotent views, counted from zero."""
    monkeypatch.setattr(Deeds, "count", 0)
    monkeypatch.setattr(Deeds, "during", None)
    return Deeds


@pytest.fixture(name="key_header")
def header_of_a_key(db):
    """The header of an operator's own system."""
    at = timezone.now()
    create_operator(
        code="acme",
        name="Acme Charging",
        country="DE",
        currency="EUR",
        time_zone="UTC",
        by="test",
        at=at,
    )
    key = create_api_key(
        operator_code="acme", scopes=["orders:read"], name="", by="test", at=at
    )
    return {"HTTP_AUTHORIZATION": f"Api-Key {key.key}"}
