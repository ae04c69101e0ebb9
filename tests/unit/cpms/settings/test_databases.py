from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cpms.settings.databases import (  # noqa: TID251 - the room under test
    database_url,
    parse_database_url,
    redis_url,
)

HOME = Path("/nonexistent")


@pytest.fixture(autouse=True)
def _no_urls(monkeypatch):
    for name in ("DATABASE_URL", "DATABASE_URL_APP", "DATABASE_URL_OWNER", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_every_part_of_the_url_is_taken():
    parsed = parse_database_url(
        "postgresql://me:p%40ss%3A@db.example.org:5433/my%20base?sslmode=verify-full"
    )

    assert parsed["USER"] == "me"
    assert parsed["PASSWORD"] == "p@ss:"
    assert (parsed["HOST"], parsed["PORT"]) == ("db.example.org", "5433")
    assert parsed["NAME"] == "my base"
    assert parsed["OPTIONS"] == {"sslmode": "verify-full", "connect_timeout": "10"}


def test_a_socket_may_be_named_as_option():
    parsed = parse_database_url(
        "postgres://me@/base?host=%2Frun%2Fpg&connect_timeout=3"
    )

    assert (parsed["HOST"], parsed["PORT"]) == ("/run/pg", "")
    assert parsed["OPTIONS"] == {"connect_timeout": "3"}


@pytest.mark.parametrize(("role", "kept_s"), [("app", 0), ("system", 600)])
def test_only_the_web_closes_its_connection_after_each_request(role, kept_s):
    assert parse_database_url("postgresql:///base", role)["CONN_MAX_AGE"] == kept_s


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "mysql://me@host/base",
        "postgresql://me:geheim@host",
        "postgresql://me:geheim@host/",
        "postgresql://me:geheim@host:port/base",
        "postgresql://me:geheim@host:99999/base",
        "postgresql://me:geheim@host/base?sslmode",
    ],
)
def test_a_wrong_url_is_refused_with_the_right_shape_and_no_password(wrong):
    with pytest.raises(ImproperlyConfigured) as caught:
        parse_database_url(wrong)

    assert "postgresql://user:password@host:5432/name" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_role_has_its_own_url_before_the_common_one(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://all@h/n")
    monkeypatch.setenv("DATABASE_URL_APP", "postgresql://app@h/n")

    assert database_url("app", HOME) == "postgresql://app@h/n"
    assert database_url("owner", HOME) == "postgresql://all@h/n"


def test_an_unknown_role_is_refused():
    with pytest.raises(ImproperlyConfigured, match="one of owner, app, system"):
        database_url("superuser", HOME)


def test_without_urls_the_embedded_servers_are_taken(monkeypatch):
    class Urls:
        app = "postgresql://cpms_app@/cpms"

    monkeypatch.setattr("cpms.embedded.ensure_postgres", lambda _: Urls)
    monkeypatch.setattr("cpms.embedded.ensure_valkey", lambda home: f"redis://{home}")

    assert database_url("app", HOME) == Urls.app
    assert redis_url(HOME) == f"redis://{HOME}"


def test_the_broker_must_be_redis(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "amqp://me:geheim@host")
    with pytest.raises(ImproperlyConfigured, match="'amqp'") as caught:
        redis_url(HOME)
    assert "geheim" not in str(caught.value)

    monkeypatch.setenv("REDIS_URL", "rediss://host:6379/0")
    assert redis_url(HOME) == "rediss://host:6379/0"
