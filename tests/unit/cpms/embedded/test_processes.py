import os
import signal
import subprocess
from pathlib import Path

import pytest

from cpms.embedded.accounts import Account
from cpms.embedded.processes import (
    Program,
    UnableToStart,
    end_all,
    run,
    start,
    stop,
)

OURS = Account(os.geteuid(), os.getegid())
DEAF = ("/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done")


def shell(text, folder, stdin=""):
    return Program(("/bin/sh", "-c", text), folder, text=stdin)


def test_a_failing_program_is_quoted(tmp_path):
    with pytest.raises(UnableToStart, match="sh ended with code 3: no disk left"):
        run(
            shell("echo no disk left >&2; exit 3", tmp_path), account=OURS, timeout_s=30
        )


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(UnableToStart, match=r"sleep took longer than 0\.1 s"):
        run(Program(("/bin/sleep", "600"), tmp_path), account=OURS, timeout_s=0.1)


def test_a_missing_program_is_named(tmp_path):
    program = Program((f"{tmp_path}/no-such-program",), tmp_path)
    with pytest.raises(UnableToStart, match="no-such-program does not run"):
        run(program, account=OURS, timeout_s=30)


def test_nothing_of_our_environment_reaches_a_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PGDATA", "/somewhere")
    run(
        shell('cat > words; test -z "$PGDATA" && test "$TZ" = UTC', tmp_path, "hello"),
        account=OURS,
        timeout_s=30,
    )
    assert (tmp_path / "words").read_text() == "hello"


@pytest.fixture
def spawn(tmp_path):
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    made = []

    def spawn(*arguments):
        process = start(
            Program(arguments, tmp_path),
            account=OURS,
            death_signal=signal.SIGKILL,
            log=log,
        )
        made.append(process)
        return process

    yield spawn
    for process in made:
        process.kill()
        process.wait()
    os.close(log)


def test_a_server_that_obeys_gets_no_harder_signal(spawn):
    process = spawn("/bin/sleep", "600")
    stop(process, ((signal.SIGTERM, 60),))
    assert process.returncode == -signal.SIGTERM
    stop(process, ((signal.SIGTERM, 60),))


def test_a_deaf_server_is_killed(spawn, tmp_path):
    process = spawn(*DEAF)
    while "deaf" not in Path(tmp_path / "log").read_text():
        assert process.poll() is None
    stop(process, ((signal.SIGTERM, 0.1),))
    assert process.returncode == -signal.SIGKILL


def test_a_server_that_ends_before_it_reads_is_no_error(spawn):
    process = spawn("/bin/true")
    assert process.wait() == 0


def test_a_server_asks_for_its_death_signal(spawn):
    process = spawn("/bin/sleep", "600")
    assert os.getsid(process.pid) == process.pid
    blocked = Path(f"/proc/{process.pid}/status").read_text()
    assert "SigBlk:\t0000000000000000" in blocked


def test_survivors_are_ended_with_rising_force(tmp_path):
    process = subprocess.Popen(DEAF, cwd=tmp_path, stdout=subprocess.PIPE)
    with process:
        process.stdout.readline()
        end_all(
            lambda: [] if process.poll() is not None else [process.pid],
            ((signal.SIGTERM, 0.1),),
        )
    assert process.returncode == -signal.SIGKILL


def test_survivors_that_cannot_be_ended_are_named(monkeypatch):
    monkeypatch.setattr("cpms.embedded.processes.KILL_PATIENCE_S", 0.1)
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    with pytest.raises(UnableToStart, match=rf"\[{gone.pid}\] .* do not end"):
        end_all(lambda: [gone.pid], ())
