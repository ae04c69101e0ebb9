"""``python -m cpms.embedded`` from within: what it prints and how it ends."""

import json
import os
import runpy
import signal
import sys

import pytest

from cpms.embedded import EmbeddedValkey, UnableToStart, UnableToStop, doors
from cpms.embedded.cli import DONE, NOT_RUNNING, REFUSED, main
from tests.integration.embedded.watching import give_back, is_alive, wait_until

pytestmark = [pytest.mark.integration]


@pytest.fixture
def call(home, capsys):
    def call(*words):
        code = main([*words, "--home", str(home)])
        return code, capsys.readouterr()

    return call


def test_a_server_is_started_shown_and_stopped(call, valkey):
    code, shown = call("start", "valkey")
    assert code == DONE
    assert shown.out.startswith("valkey: ready port=")

    code, shown = call("status", "valkey", "--json")
    status = json.loads(shown.out)["valkey"]
    assert code == DONE
    assert is_alive(status["server_pid"])
    assert is_alive(status["supervisor_pid"])

    code, shown = call("urls", "valkey")
    assert code == DONE
    assert shown.out == f"valkey={valkey.ensure()}\n"

    assert call("stop", "valkey") == (DONE, ("valkey: stopped\n", ""))
    assert call("stop", "valkey") == (DONE, ("valkey: did not run\n", ""))
    assert call("status", "valkey")[0] == NOT_RUNNING
    assert not is_alive(status["server_pid"])


def test_addresses_of_a_server_that_does_not_run_are_refused(call):
    code, shown = call("urls", "postgres")
    assert code == NOT_RUNNING
    assert "postgres does not run; start it first" in shown.err


def test_erasing_leaves_nothing(call, home):
    call("start", "valkey")
    assert call("erase") == (DONE, ("postgres: erased\nvalkey: erased\n", ""))
    assert list(home.iterdir()) == []


def test_a_refusal_is_one_clear_line(call, home):
    home.write_text("in the way")
    code, shown = call("start", "valkey")
    home.unlink()
    assert code == REFUSED
    assert "cannot be made" in shown.err
    assert shown.err.count("\n") == 1


def test_the_module_runs_the_command(monkeypatch, capsys, home):
    monkeypatch.setattr(sys, "argv", ["embedded", "status", "--home", str(home)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("cpms.embedded", run_name="__main__")
    assert ended.value.code == NOT_RUNNING
    assert capsys.readouterr().out.count("stopped") == 2


def test_idle_time_comes_from_the_environment_and_must_be_a_number(home, monkeypatch):
    monkeypatch.setenv("CPMS_EMBEDDED_IDLE_S", "0.1")
    server = EmbeddedValkey(home)
    server.ensure()
    before = server.status()
    give_back(server)
    wait_until(lambda: not is_alive(before.supervisor_pid), "the supervisor is gone")

    monkeypatch.setenv("CPMS_EMBEDDED_IDLE_S", "soon")
    with pytest.raises(UnableToStart, match="number of seconds, not 'soon'"):
        server.ensure()


def test_a_server_that_cannot_start_says_why_in_its_own_words(valkey):
    valkey.room.create()
    place = valkey.room.folder / "place"
    place.symlink_to("/proc/no/such/folder")
    with pytest.raises(UnableToStart, match="File exists"):
        valkey.ensure()
    assert valkey.status().status == "failed"
    place.unlink()


def test_other_systems_are_told_what_to_set(valkey, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UnableToStart, match=r"need Linux.*set DATABASE_URL"):
        valkey.ensure()


def test_a_supervisor_that_does_not_go_is_named(valkey, monkeypatch):
    valkey.ensure()
    pid = valkey.status().supervisor_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with monkeypatch.context() as hasty:
            hasty.setattr(doors, "STOP_TIMEOUT_S", 0.1)
            with pytest.raises(UnableToStop, match="still there after"):
                valkey.stop()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not is_alive(pid), "it obeys when it can")


def test_a_number_of_another_machine_is_not_signalled(valkey, monkeypatch):
    valkey.ensure()
    state = valkey.room.read_state()
    strange = type(state)(**(vars(state) | {"supervisor_pid": os.getpid()}))
    valkey.room.write_state(strange)
    with monkeypatch.context() as hasty:
        hasty.setattr(doors, "STOP_TIMEOUT_S", 0.1)
        with pytest.raises(UnableToStop):
            valkey.stop()
    valkey.room.write_state(state)


def test_waiting_for_a_start_has_an_end(valkey, monkeypatch):
    valkey.ensure()
    pid = valkey.status().supervisor_pid
    os.kill(pid, signal.SIGSTOP)
    valkey.room.clear_state()
    try:
        assert valkey.status().status == "starting"
        with monkeypatch.context() as hasty:
            hasty.setattr(doors, "START_TIMEOUT_S", 0.1)
            with pytest.raises(UnableToStart, match="not ready after"):
                valkey.ensure()
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "the supervisor is gone")
