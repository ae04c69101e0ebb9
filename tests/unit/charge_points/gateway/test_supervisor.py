import os
import signal
import sys
import threading
import time
from itertools import pairwise

import pytest

from charge_points.gateway import supervisor as module
from charge_points.gateway.supervisor import Supervisor

SERVES = (
    "import os, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))\n"
    "os.write({fd}, b'x'); os.close({fd})\n"
    "time.sleep(60)\n"
)
DIES = "raise SystemExit(3)"


def run_until(supervisor, condition):
    """Run the supervisor; stop it when ``condition()`` holds."""

    def watch():
        deadline = time.monotonic() + 30
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return supervisor.run()
    finally:
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(("code", "result"), [(0, 0), (5, 1)])
def test_ready_is_told_once_all_serve_and_the_exit_code_tells_the_end(code, result):
    told = []

    def command(_index, fd):
        return [sys.executable, "-c", SERVES.format(fd=fd, code=code)]

    supervisor = Supervisor(command, 2, told.append)
    assert run_until(supervisor, lambda: told) == result
    assert len(told) == 1
    assert len(set(told[0])) == 2


def test_a_dead_child_is_started_again_ever_later(monkeypatch):
    monkeypatch.setattr(module, "BACKOFF_MIN_S", 0.05)
    starts = []

    def command(_index, _fd):
        starts.append(time.monotonic())
        return [sys.executable, "-S", "-c", DIES]

    supervisor = Supervisor(command, 1, lambda _pids: None)
    run_until(supervisor, lambda: len(starts) >= 4)
    assert supervisor.restarts >= 3
    gaps = [b - a for a, b in pairwise(starts)]
    assert gaps[2] >= 0.2


def test_a_child_that_ignores_the_signal_is_killed(monkeypatch):
    monkeypatch.setattr(module, "STOP_S", 0.3)
    told = []
    deaf = SERVES.replace("lambda *_: sys.exit({code})", "signal.SIG_IGN")

    def command(_index, fd):
        return [sys.executable, "-c", deaf.format(fd=fd)]

    supervisor = Supervisor(command, 1, told.append)
    assert run_until(supervisor, lambda: told) == 1
