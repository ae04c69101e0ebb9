import gc
from contextlib import closing

import pytest
from django.db import connection
from redis import Redis

from cpms.embedded import EmbeddedValkey
from tests.integration.gateway import world


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    """A Valkey of its own: channels are shared by all databases of a server."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), idle_s=600)
    yield server
    server.erase()


@pytest.fixture
def redis_url(valkey):
    url = valkey.ensure()
    with closing(Redis.from_url(url)) as redis:
        redis.flushall()
    return url


@pytest.fixture
def table(transactional_db):
    """The table that the tiny routes write."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("DROP TABLE IF EXISTS gateway_test_fact")
        cursor.execute(
            "CREATE TABLE gateway_test_fact (id bigserial PRIMARY KEY, "
            "charge_point_id bigint, action text, key text)"
        )
        cursor.execute(
            "GRANT ALL ON gateway_test_fact, gateway_test_fact_id_seq TO cpms_system"
        )
        cursor.execute("SET ROLE cpms_system")
    world.GATE.clear()
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("DROP TABLE gateway_test_fact")
        cursor.execute("SET ROLE cpms_system")


@pytest.fixture(autouse=True)
def _thawed():
    """The gateway freezes what lives and collects rarely; tests go on as before."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
