"""The embedded PostgreSQL: what it promises, and what it survives."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from cpms.embedded import EmbeddedPostgres
from cpms.embedded.accounts import processes_in, server_account
from cpms.embedded.programs import postgres_programs
from tests.integration.embedded.watching import (
    ROOT,
    erase,
    give_back,
    is_alive,
    kill,
    wait_until,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def query(url, sql):
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None


def answers(url):
    try:
        return query(url, "SELECT 1") == [(1,)]
    except psycopg2.OperationalError:
        return False


def test_no_role_of_the_project_is_a_superuser_and_only_system_passes_the_walls(
    shared,
):
    urls = shared.ensure()

    flags = "rolsuper, rolbypassrls, rolcreatedb, rolcreaterole"
    sql = f"SELECT current_user, {flags} FROM pg_roles WHERE rolname = current_user"
    assert query(urls.owner, sql) == [("cpms_owner", False, False, True, False)]
    assert query(urls.app, sql) == [("cpms_app", False, False, False, False)]
    assert query(urls.system, sql) == [("cpms_system", False, True, False, False)]
    assert query(urls.superuser, "SHOW is_superuser") == [("on",)]


def test_owner_can_step_down_but_inherits_nothing(shared):
    urls = shared.ensure()

    for role in ("cpms_app", "cpms_system"):
        sql = f"SET ROLE {role}; SELECT current_user::text"
        assert query(urls.owner, sql) == [(role,)]
        sql = f"SELECT pg_has_role('cpms_owner', '{role}', 'USAGE')"
        assert query(urls.owner, sql) == [(False,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(urls.app, "SET ROLE cpms_owner")


def test_owner_owns_the_database_and_makes_test_databases(shared):
    urls = shared.ensure()

    query(urls.owner, "CREATE TABLE hers (id int)")
    query(urls.owner, "CREATE DATABASE test_cpms")
    other = urls.app.removesuffix("cpms") + "test_cpms"
    assert query(other, "SELECT current_database()::text") == [("test_cpms",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(urls.app, "CREATE TABLE his (id int)")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(urls.app, "SELECT * FROM hers")


def test_it_is_as_durable_and_as_closed_as_in_production(shared):
    urls = shared.ensure()

    for setting, value in {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "max_connections": "200",
    }.items():
        assert query(urls.superuser, f"SHOW {setting}") == [(value,)], setting
    sql = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'cpms'"
    assert query(urls.owner, sql) == [("b", "C.UTF-8")]
    secret = urls.owner.split(":")[2].split("@")[0]
    assert not answers(urls.owner.replace(secret, "wrong"))


def test_the_second_call_finds_the_running_server(shared):
    first = shared.ensure()
    pid = shared.status().server_pid

    assert EmbeddedPostgres(shared.home).ensure() == first
    assert shared.status().server_pid == pid


def test_data_and_addresses_survive_a_stop(postgres):
    urls = postgres.ensure()
    query(urls.owner, "CREATE TABLE kept AS SELECT 42 AS answer")

    assert postgres.stop()
    assert not answers(urls.owner)
    assert not postgres.stop()

    assert postgres.ensure() == urls
    assert query(urls.owner, "SELECT answer FROM kept") == [(42,)]


def test_a_killed_server_comes_back_at_the_same_address(postgres):
    urls = postgres.ensure()
    query(urls.owner, "CREATE TABLE kept AS SELECT 42 AS answer")
    before = postgres.status()

    with closing(psycopg2.connect(urls.app)):
        kill(before.server_pid)
        wait_until(lambda: answers(urls.owner), "it answers again")

    after = postgres.status()
    assert after.supervisor_pid == before.supervisor_pid
    assert after.server_pid != before.server_pid
    assert after.restarts == 1
    assert query(urls.owner, "SELECT answer FROM kept") == [(42,)]


def test_a_killed_supervisor_takes_the_server_along(postgres):
    urls = postgres.ensure()
    query(urls.owner, "CREATE TABLE kept AS SELECT 42 AS answer")
    before = postgres.status()

    kill(before.supervisor_pid)

    wait_until(lambda: not is_alive(before.server_pid), "the server is gone")
    assert postgres.status().status == "stopped"
    assert postgres.ensure() == urls
    assert query(urls.owner, "SELECT answer FROM kept") == [(42,)]


def test_what_a_killed_supervisor_and_server_leave_is_ended_first(postgres):
    urls = postgres.ensure()
    before = postgres.status()
    busy = psycopg2.connect(urls.superuser)
    with closing(busy), busy.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
        # A backend that waits for nothing does not see its postmaster die.
        os.kill(backend, signal.SIGSTOP)
        os.kill(before.supervisor_pid, signal.SIGSTOP)
        kill(before.server_pid)
        kill(before.supervisor_pid)
        data = f"{before.folder}/data"
        assert backend in processes_in(server_account(), data)

        assert postgres.ensure() == urls

        assert not is_alive(backend)
    assert answers(urls.owner)


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(postgres):
    urls = postgres.ensure()
    folder = postgres.status().folder
    postgres.stop()
    account = server_account()
    identity = {} if account.is_ours else {"user": account.uid}
    stranger = subprocess.Popen(["/bin/sleep", "600"], **identity)
    try:
        Path(folder, "data/postmaster.pid").write_text(
            f"{stranger.pid}\n{folder}/data\n1\n1\n\n127.0.0.1\n\nready\n"
        )

        assert postgres.ensure() == urls
        assert answers(urls.owner)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_taken_port_makes_it_choose_another(postgres):
    urls = postgres.ensure()
    port = postgres.status().port
    postgres.stop()

    with socket.create_server(("127.0.0.1", port)):
        other = postgres.ensure()

        assert other != urls
        assert answers(other.owner)
    postgres.stop()
    assert postgres.ensure() == other


def test_lost_secrets_are_made_anew(postgres):
    urls = postgres.ensure()
    query(urls.owner, "CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    (postgres.room.folder / "secrets.json").unlink()

    other = postgres.ensure()

    assert query(other.owner, "SELECT answer FROM kept") == [(42,)]
    assert not answers(urls.owner)
    assert not answers(urls.superuser)


def test_a_cluster_left_half_made_is_made_again(postgres):
    urls = postgres.ensure()
    folder = postgres.status().folder
    postgres.stop()
    shutil.move(f"{folder}/data", f"{folder}/data.new")

    assert answers(postgres.ensure().owner)
    assert not Path(folder, "data.new").exists()
    assert urls == postgres.ensure()


def test_two_checkouts_have_nothing_in_common(home, postgres):
    other = EmbeddedPostgres(home.with_name("other"), idle_s=60)
    try:
        mine, theirs = postgres.ensure(), other.ensure()
        query(mine.owner, "CREATE TABLE only_here (id int)")

        assert postgres.status().port != other.status().port
        sql = "SELECT to_regclass('only_here')::text"
        assert query(mine.owner, sql) == [("only_here",)]
        assert query(theirs.owner, sql) == [(None,)]
        at_theirs = theirs.owner.rpartition("@")[2]
        assert not answers(f"{mine.owner.rpartition('@')[0]}@{at_theirs}")
        postgres.stop()
        assert answers(theirs.owner)
    finally:
        erase(other.home)


def test_a_home_may_lie_as_deep_as_it_likes(home):
    deep = EmbeddedPostgres(home / ("d" * 80) / ("e" * 80) / ".cpms", idle_s=60)
    home.mkdir(mode=0o711)
    home.chmod(0o711)
    try:
        assert answers(deep.ensure().owner)
    finally:
        erase(deep.home)


def test_secrets_are_read_by_their_owner_only_and_never_logged(shared):
    urls = shared.ensure()
    folder = shared.room.folder

    secrets = folder / "secrets.json"
    assert secrets.stat().st_mode & 0o777 == 0o600
    words = [url.split(":")[2].split("@")[0] for url in vars(urls).values()]
    for public in (folder / "server.log", folder / "state.json"):
        text = public.read_text()
        assert not [word for word in words if word in text]
    command = Path(f"/proc/{shared.status().server_pid}/cmdline").read_text()
    assert not [word for word in words if word in command]


def test_it_goes_when_nobody_needs_it(home):
    server = EmbeddedPostgres(home, idle_s=0.2)
    server.ensure()
    before = server.status()

    give_back(server)

    wait_until(lambda: not is_alive(before.supervisor_pid), "the supervisor is gone")
    assert not is_alive(before.server_pid)
    assert "shut down" in (server.room.folder / "server.log").read_text()


def test_the_roles_of_a_deployment_are_those_of_a_checkout(postgres):
    urls = postgres.ensure()
    sql = """SELECT rolname::text, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin
             FROM pg_roles WHERE rolname LIKE 'cpms%' ORDER BY 1"""
    before = query(urls.superuser, sql)
    query(urls.superuser, "ALTER ROLE cpms_system NOBYPASSRLS")
    passwords = {
        f"CPMS_{role}_PASSWORD": f"new-{role}" for role in ("OWNER", "APP", "SYSTEM")
    }
    psql = postgres_programs().path.with_name("psql")
    script = ROOT / "deploy" / "postgres" / "roles.sql"

    for _ in range(2):
        subprocess.run(
            [psql, "--no-psqlrc", "--quiet", "-f", script, urls.superuser],
            check=True,
            env=passwords,
        )

    assert query(urls.superuser, sql) == before
    address = urls.app.rpartition("@")[2]
    for role in ("owner", "app", "system"):
        assert answers(f"postgresql://cpms_{role}:new-{role.upper()}@{address}")
    assert not answers(urls.app)
    assert "new-" not in postgres.room.log.read_text()
