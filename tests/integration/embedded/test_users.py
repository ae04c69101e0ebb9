"""Who keeps a server, who brings it down, and who may run it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from cpms.embedded import EmbeddedPostgres, EmbeddedValkey, UnableToUseHome
from cpms.embedded.accounts import Account, can_reach
from cpms.embedded.room import STATE_LIB
from tests.integration.embedded.watching import (
    ROOT,
    erase,
    give_back,
    is_alive,
    kill,
    stays,
    wait_until,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NOBODY = Account(65534, 65534)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change user")

USE = """
import sys, time
from pathlib import Path
from cpms.embedded import EmbeddedValkey
print(EmbeddedValkey(Path(sys.argv[1]), idle_s=0.2).ensure(), flush=True)
time.sleep(600)
"""
USE_IN_A_FORK = """
import os, sys, time
from pathlib import Path
from cpms.embedded import EmbeddedValkey
url = EmbeddedValkey(Path(sys.argv[1]), idle_s=0.2).ensure()
child = os.fork()
if child:
    print(url, child, flush=True)
    os._exit(0)
os.close(1)
time.sleep(600)
"""
# Small patience, so that the limit is reached soon.
SUPERVISE_HASTILY = """
import sys
from cpms.embedded import supervisor, valkey
from cpms.embedded.cli import main
supervisor.BACKOFF_MAX_S = 0.01
supervisor.LOCK_TIMEOUT_S = 0.2
valkey.PING_TIMEOUT_S = 0.1
sys.exit(main(["supervise", "valkey", "--home", sys.argv[1], "--idle-s", "60"]))
"""


def answers(url):
    try:
        with redis.from_url(url, socket_timeout=5) as client:
            return client.ping()
    except redis.RedisError:
        return False


def gone(status):
    return not is_alive(status.supervisor_pid) and not is_alive(status.server_pid)


def test_five_processes_at_once_get_one_server(home, valkey, start_user):
    users = [start_user(USE, home) for _ in range(5)]

    urls = {user.first_line() for user in users}

    assert len(urls) == 1
    assert answers(urls.pop())
    assert valkey.status().restarts == 0
    assert valkey.room.log.read_text().count("ready on port") == 1


def test_a_killed_starter_leaves_no_server_behind(home, valkey, start_user):
    user = start_user(USE, home)
    assert answers(user.first_line())
    before = valkey.status()

    user.kill()

    wait_until(lambda: gone(before), "server and supervisor are gone")
    assert valkey.status().status == "stopped"


def test_a_server_stays_while_anybody_uses_it(home, valkey, start_user):
    first = start_user(USE, home)
    url = first.first_line()
    second = start_user(USE, home)
    assert second.first_line() == url
    before = valkey.status()

    first.kill()
    assert stays(lambda: answers(url))

    second.kill()
    wait_until(lambda: gone(before), "server and supervisor are gone")


def test_a_forked_worker_keeps_the_server_of_its_dead_parent(home, valkey, start_user):
    user = start_user(USE_IN_A_FORK, home)
    url, _, worker = user.first_line().partition(" ")
    user.process.wait()
    before = valkey.status()
    try:
        assert stays(lambda: answers(url))
    finally:
        os.kill(int(worker), signal.SIGKILL)
    wait_until(lambda: gone(before), "server and supervisor are gone")


def test_a_killed_server_comes_back_at_the_same_address(valkey):
    url = valkey.ensure()

    for restarts in range(1, 4):
        kill(valkey.status().server_pid)
        wait_until(lambda: answers(url), "it answers again")
        wait_until(lambda: valkey.status().status == "ready", "ready again")
        assert valkey.status().restarts == restarts
        assert valkey.ensure() == url


def test_a_killed_supervisor_takes_the_server_along(valkey):
    url = valkey.ensure()
    before = valkey.status()

    kill(before.supervisor_pid)

    wait_until(lambda: gone(before), "the server is gone")
    assert valkey.ensure() == url
    assert answers(url)


def test_after_too_many_deaths_it_gives_up_and_the_next_call_begins_anew(
    home, valkey, start_user
):
    starter = start_user(SUPERVISE_HASTILY, home)
    starter.process.wait()
    before = valkey.status()
    assert before.status == "ready"

    os.kill(before.supervisor_pid, signal.SIGSTOP)
    kill(before.server_pid)
    taken = []

    def took_the_port():
        with contextlib.suppress(OSError):
            taken.append(socket.create_server(("127.0.0.1", before.port)))
        return bool(taken)

    wait_until(took_the_port, "the dead server's port is free")
    with taken[0]:
        os.kill(before.supervisor_pid, signal.SIGCONT)
        wait_until(lambda: gone(before), "the supervisor gave up")
        assert valkey.status().status == "failed"
        assert "times in a row" in valkey.room.log.read_text()

        url = valkey.ensure()
        assert valkey.status().port != before.port
        assert answers(url)


def test_a_deleted_home_ends_its_server(home, valkey):
    valkey.ensure()
    before = valkey.status()

    shutil.rmtree(home)

    wait_until(lambda: gone(before), "server and supervisor are gone")
    assert answers(valkey.ensure())


def test_a_stopped_server_starts_again_for_a_process_that_used_it(valkey):
    url = valkey.ensure()
    valkey.stop()
    assert not answers(url)

    assert valkey.ensure() == url
    assert answers(url)


def test_strangers_are_refused(valkey):
    url = valkey.ensure()

    port = valkey.status().port
    with (
        redis.Redis(port=port) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), 5)
    assert answers(url)


def test_commands_tell_what_runs_and_hide_passwords(home):
    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "cpms.embedded", *arguments, "--home", str(home)],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )

    assert call("status").returncode == 3
    assert call("urls").returncode == 3
    started = call("start", "valkey", "--json")
    assert started.returncode == 0
    url = json.loads(call("urls", "valkey", "--json").stdout)["valkey"]
    assert answers(url)
    password = url.split(":")[2].split("@")[0]
    for words in (started, call("status"), call("stop")):
        assert password not in words.stdout + words.stderr
    assert call("status", "valkey").returncode == 3
    assert call("no-such-verb").returncode == 2


@root_only
def test_root_gives_the_server_to_an_unprivileged_account(postgres):
    postgres.ensure()
    status = postgres.status()

    lines = Path(f"/proc/{status.server_pid}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines)
    assert fields["Uid"].split() == ["65534"] * 4
    assert fields["Gid"].split() == ["65534"] * 4
    assert fields["Groups"].strip() == ""
    folder = Path(status.folder).stat()
    assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (65534, 0o700)


@root_only
def test_below_a_closed_folder_root_keeps_the_data_elsewhere_and_private(tmp_path):
    tmp_path.chmod(0o700)
    server = EmbeddedPostgres(tmp_path / ".cpms", idle_s=60)
    try:
        urls = server.ensure()
        folder = Path(server.status().folder)

        assert folder.parent == STATE_LIB
        assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (65534, 0o700)
        assert tmp_path.stat().st_mode & 0o777 == 0o700
        assert tmp_path.stat().st_uid == 0
        server.stop()
        assert server.ensure() == urls
        assert Path(server.status().folder) == folder
    finally:
        erase(server.home)
    assert not folder.exists()


@root_only
def test_data_kept_elsewhere_goes_with_a_home_that_is_deleted(tmp_path):
    tmp_path.chmod(0o700)
    server = EmbeddedValkey(tmp_path / ".cpms", idle_s=60)
    server.ensure()
    before = server.status()
    assert Path(before.folder).exists()

    shutil.rmtree(server.home)

    wait_until(lambda: gone(before), "server and supervisor are gone")
    assert not Path(before.folder).exists()
    give_back(server)


def interpreter_for_nobody():
    """A Python of at least 3.11 that the account nobody may run."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        if not can_reach(NOBODY, Path(os.path.realpath(candidate))):
            continue
        probe = "import sys; sys.exit(sys.version_info < (3, 11))"
        if subprocess.run([candidate, "-c", probe], check=False).returncode == 0:
            return candidate
    return None


@root_only
def test_an_ordinary_user_runs_everything_as_itself(home):
    python = interpreter_for_nobody()
    if python is None or not can_reach(NOBODY, ROOT):
        pytest.skip("no Python, or not this checkout, for the account nobody")
    home.parent.chmod(0o755)
    folder = home.parent / "users"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY.uid, NOBODY.gid)
    packages = os.pathsep.join([str(ROOT), *(p for p in sys.path if "site-p" in p)])

    def call(*arguments):
        return subprocess.run(
            [python, "-m", "cpms.embedded", *arguments, "--home", folder / ".cpms"],
            cwd="/",
            env={"PYTHONPATH": packages, "PATH": "/usr/bin:/bin"},
            user=NOBODY.uid,
            group=NOBODY.gid,
            extra_groups=[],
            check=False,
            capture_output=True,
            text=True,
        )

    try:
        started = call("start", "--json")
        assert started.returncode == 0, started.stderr
        status = json.loads(started.stdout)
        pid = status["postgres"]["server_pid"]
        assert Path(f"/proc/{pid}").stat().st_uid == NOBODY.uid
        assert str(folder) in status["postgres"]["folder"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: call("status").returncode == 0, "both are ready again")
        with pytest.raises(UnableToUseHome, match="belongs to user 65534"):
            EmbeddedValkey(folder / ".cpms").ensure()
    finally:
        stopped = call("erase")
    assert stopped.returncode == 0, stopped.stderr
    assert not Path(f"/proc/{pid}").exists()


def test_a_busy_home_is_left_alone_by_a_second_supervisor(home, valkey):
    url = valkey.ensure()
    result = subprocess.run(
        [sys.executable, "-c", SUPERVISE_HASTILY, str(home)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 1
    assert "Another supervisor is at work" in result.stderr
    assert answers(url)
    give_back(valkey)
