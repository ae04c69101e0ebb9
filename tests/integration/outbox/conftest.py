from contextlib import contextmanager

import pytest
from django.db import connection

from cpms.embedded import EmbeddedValkey
from cpms.outbox.queues import QUEUES
from cpms.outbox.subscriptions import _by_name, _by_topic
from tests.integration.ops.processes import environment, process
from tests.integration.outbox import listeners


@pytest.fixture
def valkey(tmp_path):
    """A broker of its own, which tests stop."""
    server = EmbeddedValkey(tmp_path / "valkey", idle_s=600)
    yield server
    server.erase()


@pytest.fixture
def facts(transactional_db):
    """The table that the subscriber of the tests writes."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP TABLE IF EXISTS {listeners.TABLE}")
        cursor.execute(
            f"CREATE TABLE {listeners.TABLE} "
            "(id bigserial PRIMARY KEY, event_id bigint, key text)"
        )
        cursor.execute(
            f"GRANT ALL ON {listeners.TABLE}, {listeners.TABLE}_id_seq TO cpms_system"
        )
        cursor.execute("SET ROLE cpms_system")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP TABLE {listeners.TABLE}")
        cursor.execute("SET ROLE cpms_system")


@pytest.fixture
def heard_here():
    """The test publishes for the subscriber that the processes have."""
    listeners.Listeners.ready(None)
    yield
    del _by_name["tests.facts"]
    del _by_topic[listeners.TOPIC]


class Town:
    """Relay and worker, as processes on the test database."""

    def __init__(self, valkey, folder):
        self.valkey = valkey
        self.folder = folder
        self.url = valkey.ensure()

    def environment(self):
        return environment(
            self.url,
            DJANGO_SETTINGS_MODULE="tests.integration.outbox.house",
            CPMS_TEST_ROOM=str(self.folder),
        )

    @contextmanager
    def relay(self):
        argv = ["manage.py", "outbox_relay"]
        with process(argv, self.environment(), self.log("relay")) as running:
            yield running

    @contextmanager
    def worker(self):
        argv = [
            *["-m", "celery", "-A", "cpms", "worker", "-Q", ",".join(QUEUES)],
            *["-c", "1", "-l", "WARNING", "--without-gossip", "--without-mingle"],
        ]
        with process(argv, self.environment(), self.log("worker")) as running:
            yield running

    def log(self, name):
        return self.folder / f"{name}.log"


@pytest.fixture
def town(valkey, facts, heard_here, tmp_path):
    return Town(valkey, tmp_path)
