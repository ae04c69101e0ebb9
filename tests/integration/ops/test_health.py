"""/healthz, /readyz and /metrics of a real web process."""

import json
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from charge_points.models import Command
from cpms.embedded import ensure_postgres
from cpms.outbox.models import Delivery, EventRecord
from tests.integration.charge_points.world import (
    NOON,
    later,
    make_operator,
    make_station,
)
from tests.integration.ops.processes import environment, until, web

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN = "a-token-of-the-scraper-0123456789"


@pytest.fixture
def site(transactional_db, valkey, tmp_path):
    """The web process on the test database."""
    env = environment(valkey.ensure(), role="app", METRICS_TOKEN=TOKEN)
    with web(env, tmp_path) as server:
        yield server


def readiness(site):
    status, text = site.get("/readyz")
    return status, json.loads(text)["problems"]


def scrape(site):
    status, text = site.get("/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return text


def as_superuser(*statements):
    base = ensure_postgres(settings.CPMS_HOME).superuser
    with closing(psycopg2.connect(base, dbname="postgres")) as raw:
        raw.autocommit = True
        with raw.cursor() as cursor:
            for sql, values in statements:
                cursor.execute(sql, values)


def test_readiness_follows_the_broker_down_and_up(site, valkey):
    assert readiness(site) == (200, [])

    valkey.stop()
    status, problems = readiness(site)
    assert status == 503
    assert len(problems) == 1
    assert problems[0].startswith("redis: ")
    assert "REDIS_URL" in problems[0]
    assert site.get("/healthz") == (200, '{"status": "ok"}')
    # What can be counted is told even then.
    text = scrape(site)
    assert "cpms_outbox_deliveries" in text
    assert "cpms_queue_batches" not in text

    valkey.ensure()
    assert until(lambda: readiness(site) == (200, []))


def test_readiness_follows_the_database_down_and_up(site):
    name = connection.settings_dict["NAME"]
    assert readiness(site) == (200, [])
    try:
        as_superuser(
            (f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false', None),
            (
                (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND usename = 'cpms_app'"
                ),
                [name],
            ),
        )
        status, problems = readiness(site)
        alive = site.get("/healthz")[0]
        text = scrape(site)
        refused = site.get(
            "/api/v1/operator/orders", Authorization="Api-Key abcdefgh.geheim12345"
        )
    finally:
        as_superuser((f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true', None))
    assert status == 503
    assert len(problems) == 1
    assert problems[0].startswith("database: OperationalError")
    assert alive == 200
    # A gauge that cannot be read is missing; it is never zero.
    assert "cpms_outbox_deliveries" not in text
    assert 'cpms_queue_batches{queue="default"}' in text

    assert refused[0] == 503
    assert json.loads(refused[1])["code"]
    lines = [json.loads(line) for line in site.log.read_text().splitlines()]
    assert lines
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert "geheim" not in site.log.read_text()

    assert until(lambda: readiness(site) == (200, []))


def test_a_missing_migration_is_named(site):
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "UPDATE django_migrations SET app = 'outbox_away' WHERE app = 'outbox'"
        )
    try:
        status, problems = readiness(site)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_migrations SET app = 'outbox' WHERE app = 'outbox_away'"
            )
            cursor.execute("SET ROLE cpms_system")
    assert status == 503
    assert "outbox 00" in problems[0]
    assert "run manage.py migrate" in problems[0]


def test_metrics_need_their_token(site):
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"bearer{TOKEN}"},
        {"Authorization": TOKEN},
    ):
        assert site.get("/metrics", **headers)[0] == 401
    assert TOKEN not in site.log.read_text()


def test_metrics_tell_the_lag_of_the_relay_and_the_dead(site):
    event = EventRecord.objects.create(topic="Test", key="k", payload={})
    EventRecord.objects.update(created_at=timezone.now() - timedelta(hours=1))
    for name, state in (("t.waits", "pending"), ("t.died", "dead"), ("t.did", "done")):
        Delivery.objects.create(event=event, subscriber=name, state=state)

    text = scrape(site)

    assert 'cpms_outbox_deliveries{state="dead"} 1.0' in text
    assert 'cpms_outbox_deliveries{state="pending"} 1.0' in text
    assert 'state="done"' not in text
    (line,) = [
        each
        for each in text.splitlines()
        if each.startswith('cpms_outbox_oldest_seconds{subscriber="t.waits"}')
    ]
    assert 3600 <= float(line.split()[-1]) < 7200
    for series in ("cpms_orders", "cpms_commands", "cpms_queue_batches"):
        assert f"# TYPE {series} gauge" in text
    assert "process_resident_memory_bytes" in text
    # Slow consumers make the site no less ready: other processes cure them.
    assert readiness(site) == (200, [])


def test_commands_are_counted_by_state(site):
    make_operator("one")
    station = make_station()
    for number, state in enumerate(("queued", "sent", "sent", "accepted")):
        Command.objects.create(
            **station.who,
            action="Reset",
            state=state,
            idempotency_key=str(number),
            requested_by="test",
            created_at=NOON,
            scheduled_at=NOON,
            expires_at=later(hours=1),
        )

    text = scrape(site)

    assert 'cpms_commands{state="queued"} 1.0' in text
    assert 'cpms_commands{state="sent"} 2.0' in text
    assert 'state="accepted"' not in text
