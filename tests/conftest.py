"""Fixtures of all tests: real PostgreSQL under the real roles."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

# Tests never depend on speed: a loaded machine is no failure.
hypothesis_settings.register_profile("cpms", deadline=None)
hypothesis_settings.load_profile("cpms")

ROLES = {"app": "cpms_app", "system": "cpms_system", "owner": "cpms_owner"}


def _become_system(sender, connection, **_):
    if str(connection.settings_dict["NAME"]).startswith("test_"):
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE cpms_system")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Migrate as owner, then work as the system role like gateway and workers."""
    connection_created.connect(_become_system, dispatch_uid="tests-system-role")
    connection.close()
    yield
    connection.close()
    _end_other_sessions()


def _end_other_sessions() -> None:
    """A thread that a test left may still be on its way out of the database.

    It would keep the database from being dropped, which fails the whole run.
    """
    from cpms.embedded import ensure_postgres  # noqa: PLC0415 - only when needed

    if not str(connection.settings_dict["NAME"]).startswith("test_"):
        return
    base = ensure_postgres(settings.CPMS_HOME).superuser
    with psycopg2.connect(base, dbname="postgres") as raw, raw.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid()",
            [connection.settings_dict["NAME"]],
        )


def truncate_all() -> None:
    """Empty every table as superuser: the ledger refuses everybody else."""
    from cpms.embedded import ensure_postgres  # noqa: PLC0415 - only when needed

    name = connection.settings_dict["NAME"]
    base = ensure_postgres(settings.CPMS_HOME).superuser
    with (
        psycopg2.connect(base, dbname=name) as raw,
        raw.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') "
            "FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN "
            "('django_migrations', 'django_content_type', 'auth_permission')"
        )
        tables = cursor.fetchone()[0]
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    raw.close()
    _reseed()


def _reseed() -> None:
    """Bring back what migrations put into tables."""
    for hook in RESEED:
        hook()


RESEED: list = []


@pytest.fixture(autouse=True, scope="session")
def _truncate_as_superuser():
    TransactionTestCase._fixture_teardown = lambda self: truncate_all()  # noqa: ARG005


@pytest.fixture
def as_role(db) -> Iterator:
    """``with as_role("app"): …`` works under another database role."""

    @contextmanager
    def switch(role: str) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {ROLES[role]}")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE cpms_system")

    return switch


def pytest_runtest_setup(item) -> None:
    """Begin every test as the system role, whatever the one before left behind.

    A role set inside a database transaction comes back to what it was when that is
    rolled back, so a test that switches outside and restores inside would leak.
    """
    raw = connection.connection
    if raw is None or raw.closed or connection.in_atomic_block:
        return
    if str(connection.settings_dict["NAME"]).startswith("test_"):
        with raw.cursor() as cursor:
            cursor.execute("SET ROLE cpms_system")
