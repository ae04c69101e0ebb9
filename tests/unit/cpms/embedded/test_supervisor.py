"""The supervisor over real, small processes."""

import os
import shutil
import signal
import threading
import time
from dataclasses import dataclass, field

import pytest

from cpms.embedded import supervisor as supervisors
from cpms.embedded.accounts import Account
from cpms.embedded.locks import is_locked, lock
from cpms.embedded.processes import Program, UnableToStart
from cpms.embedded.room import FAILED, READY, Room
from cpms.embedded.supervisor import Supervisor

SLEEPS = ("/bin/sleep", "600")


@dataclass
class Sleeper:
    """A server that does nothing but run."""

    room: Room
    programs: list = field(default_factory=lambda: [SLEEPS])
    always_ready: bool = True
    prepared: int = 0

    service = "sleeper"
    account = Account(os.geteuid(), os.getegid())
    death_signal = signal.SIGKILL
    stop_ladder = ((signal.SIGTERM, 10.0),)

    def prepare(self):
        self.prepared += 1

    def program(self, _port):
        arguments = self.programs.pop(0) if len(self.programs) > 1 else self.programs[0]
        return Program(arguments, self.room.folder)

    def is_ready(self, pid, _port):
        if self.always_ready:
            return True
        with open(f"/proc/{pid}/cmdline") as file:  # noqa: PTH123
            return file.read().startswith("/bin/sleep")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(supervisors, "WATCH_INTERVAL_S", 0.01)
    monkeypatch.setattr(supervisors, "BACKOFF_MAX_S", 0.01)
    monkeypatch.setattr(supervisors, "LOCK_TIMEOUT_S", 0.05)


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path / ".cpms", "sleeper")
    made.create()
    return made


def stop_ourselves():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


def test_an_unused_server_is_stopped_and_leaves_no_state(room):
    seen = []
    server = Sleeper(room)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    Supervisor(room, server, 0.05, lambda: seen.append(room.read_state())).run()

    assert seen[0].status == READY
    assert seen[0].supervisor_pid == os.getpid()
    assert room.read_state() is None
    assert not is_locked(room.supervisor_lock)
    assert "not used for 0.05 s" in room.log.read_text()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0].server_pid, 0)


def test_users_who_come_and_go_between_two_looks_are_noticed(room, monkeypatch):
    monkeypatch.setattr(supervisors, "WATCH_INTERVAL_S", 0.001)
    touches = 20

    class Visited(Supervisor):
        def _lock_out_users(self):
            nonlocal touches
            if touches:
                touches -= 1
                time.sleep(0.02)
                room.users_lock.touch()
            return super()._lock_out_users()

    before = time.monotonic()
    Visited(room, Sleeper(room), 0.1, lambda: None).run()
    assert touches == 0
    assert time.monotonic() - before >= 0.5


def test_a_used_server_stays_until_told_to_stop(room):
    user = lock(room.users_lock, exclusive=False, timeout_s=0)
    server = Sleeper(room)

    Supervisor(room, server, 0, stop_ourselves).run()

    assert "told to stop" in room.log.read_text()
    assert room.read_state() is None
    os.close(user)


def test_a_dead_server_is_started_again(room):
    server = Sleeper(room)
    restarted = []

    def kill_it():
        os.kill(room.read_state().server_pid, signal.SIGKILL)

    class Watching(Supervisor):
        def _restart(self):
            super()._restart()
            restarted.append(room.read_state())
            stop_ourselves()

    Watching(room, server, 60, kill_it).run()

    assert [state.restarts for state in restarted] == [1]
    assert server.prepared == 2
    assert f"ended with code {-signal.SIGKILL}" in room.log.read_text()


def test_a_server_that_keeps_dying_is_given_up(room):
    server = Sleeper(room, programs=[("/bin/sh", "-c", "echo broken disk; exit 7")])

    with pytest.raises(UnableToStart, match="died 10 times in a row"):
        Supervisor(room, server, 60, lambda: None).run()

    assert room.read_state().status == FAILED
    assert room.read_state().server_pid == 0
    assert room.log.read_text().count("broken disk") == 11
    assert not is_locked(room.supervisor_lock)


def test_deaths_far_apart_do_not_add_up(room, monkeypatch):
    monkeypatch.setattr(supervisors, "STABLE_S", 0)
    monkeypatch.setattr(supervisors, "QUICK_DEATHS_MAX", 1)
    deaths = 3

    class Mortal(Supervisor):
        def _restart(self):
            nonlocal deaths
            super()._restart()
            deaths -= 1
            (kill_it if deaths else stop_ourselves)()

    def kill_it():
        os.kill(room.read_state().server_pid, signal.SIGKILL)

    Mortal(room, Sleeper(room), 60, kill_it).run()
    assert deaths == 0


def test_a_first_start_that_fails_is_told_in_the_servers_own_words(room):
    words = ("/bin/sh", "-c", "echo broken disk; exit 7")
    server = Sleeper(room, programs=[words], always_ready=False)

    with pytest.raises(UnableToStart, match="code 7: broken disk"):
        Supervisor(room, server, 60, lambda: pytest.fail("never ready")).run()

    assert server.prepared == 1
    assert room.read_state().status == FAILED


def test_a_port_lost_at_the_last_moment_is_replaced(room, monkeypatch):
    server = Sleeper(room, programs=[("/bin/false",), SLEEPS], always_ready=False)
    monkeypatch.setattr(supervisors, "is_free", lambda _port: False)

    Supervisor(room, server, 0.05, lambda: None).run()

    assert server.prepared == 2
    assert room.remembered_port() is not None


def test_a_server_that_never_gets_ready_is_ended(room, monkeypatch):
    monkeypatch.setattr(supervisors, "READY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(Sleeper, "is_ready", lambda *_: False)

    with pytest.raises(UnableToStart, match=r"not ready after 0\.05 s"):
        Supervisor(room, Sleeper(room), 60, lambda: None).run()


def test_a_stop_is_obeyed_while_the_server_is_not_ready(room, monkeypatch):
    server = Sleeper(room)

    def not_ready(*_):
        stop_ourselves()
        return False

    monkeypatch.setattr(Sleeper, "is_ready", not_ready)
    Supervisor(room, server, 60, lambda: pytest.fail("never ready")).run()
    assert "told to stop" in room.log.read_text()


def test_a_second_supervisor_goes_away(room):
    first = lock(room.supervisor_lock, exclusive=True, timeout_s=0)
    with pytest.raises(UnableToStart, match="Another supervisor"):
        Supervisor(room, Sleeper(room), 60, lambda: None).run()
    os.close(first)


def test_a_deleted_home_ends_the_work(room):
    def delete():
        shutil.rmtree(room.home)

    Supervisor(room, Sleeper(room), 60, delete).run()
    assert not room.home.exists()


def test_the_log_is_bounded(room, monkeypatch):
    monkeypatch.setattr(supervisors, "LOG_BYTES_MAX", 1000)

    def write():
        with room.log.open("a") as file:
            file.write("x" * 2000)

    Supervisor(room, Sleeper(room), 0.05, write).run()

    assert room.log.stat().st_size < 1000
    assert "x" * 2000 in room.log.with_suffix(".log.1").read_text()
