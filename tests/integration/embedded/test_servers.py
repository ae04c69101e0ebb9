"""The two servers under a supervisor in this very process."""

from contextlib import closing

import psycopg2
import pytest
import redis

from cpms.embedded import postgres, valkey
from cpms.embedded.accounts import server_account
from cpms.embedded.postgres import PostgresServer
from cpms.embedded.room import Room
from cpms.embedded.supervisor import Supervisor
from cpms.embedded.valkey import ValkeyServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def supervise(room, server, use):
    """Start the server, use it once, let it go."""
    room.create()
    answers = []

    def ready():
        answers.append(use(room.read_state().port))

    Supervisor(room, server(room, server_account()), 0, ready).run()
    return answers


def database(room, role):
    def use(port):
        urls = postgres.urls(room.secrets(postgres.ROLES), port)
        with (
            closing(psycopg2.connect(getattr(urls, role))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT current_user::text, current_database()::text")
            return cursor.fetchone()

    return use


def test_postgres_is_made_once_and_started_again(home):
    room = Room(home, postgres.SERVICE)

    first = supervise(room, PostgresServer, database(room, "app"))
    made_at = (room.known_place() / "data" / "PG_VERSION").stat().st_mtime_ns
    (room.folder / "secrets.json").unlink()
    second = supervise(room, PostgresServer, database(room, "system"))

    assert first == [("cpms_app", "cpms")]
    assert second == [("cpms_system", "cpms")]
    assert (room.known_place() / "data" / "PG_VERSION").stat().st_mtime_ns == made_at
    assert not (room.known_place() / "data" / "postmaster.pid").exists()


def test_valkey_is_ready_when_it_answers_to_our_password_only(home):
    room = Room(home, valkey.SERVICE)
    server = ValkeyServer(room, server_account())

    def use(port):
        other = Room(home, "other")
        other.create()
        stranger = ValkeyServer(other, server_account())
        password = room.secrets((valkey.SECRET,))[valkey.SECRET]
        with redis.from_url(valkey.url(password, port)) as client:
            return (
                client.config_get("save")["save"],
                client.config_get("maxmemory-policy")["maxmemory-policy"],
                server.is_ready(0, port),
                stranger.is_ready(0, port),
            )

    assert supervise(room, ValkeyServer, use) == [("", "noeviction", True, False)]
    assert not server.is_ready(0, room.remembered_port())
