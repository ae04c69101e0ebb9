"""The process runner, with small real processes."""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cpms.ops import runner as runner_module
from cpms.ops.runner import Ports, Role, Runner, UnableToStart, system_roles

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(600)"
)
SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Answer.asked += 1
        self.send_response(200 if Answer.asked > 2 else 503)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def python(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(ask, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(runner_module, "RESTART_FIRST_S", 0.05)
    made = []

    def factory(*roles, **options):
        made.append(Runner(roles, log_dir=tmp_path / "log", **options))
        return made[-1]

    yield factory
    for each in made:
        each.stop(patience_s=0)


def is_up(path):
    return path.exists() and "up" in path.read_text()


def test_roles_are_ready_in_order(make, tmp_path):
    port = free_port()
    web = Role("web", python(SERVER, port), ready_url=f"http://127.0.0.1:{port}/readyz")
    told = []
    runner = make(web, Role("relay", python(SLEEPER)))

    runner.start(on_ready=lambda role: told.append(role.name))

    assert told == ["web", "relay"]
    assert os.getpgid(runner.pid("web")) == runner.pid("web")
    eventually(lambda: is_up(tmp_path / "log" / "relay.log"))


def test_an_open_port_is_ready_too(make):
    port = free_port()
    runner = make(
        Role("gateway", python(SERVER, port), ready_url=f"tcp://127.0.0.1:{port}")
    )

    runner.start()


def test_roles_get_their_environment(make, tmp_path):
    code = "import os, time; print(os.environ['CPMS_X'], flush=True); time.sleep(600)"
    runner = make(Role("one", python(code), {"CPMS_X": "special"}))

    runner.start()

    log = tmp_path / "log" / "one.log"
    eventually(lambda: "special" in log.read_text())


def test_what_ends_before_it_is_ready_is_named_with_its_log(make):
    runner = make(
        Role("web", python("raise SystemExit(3)"), ready_url="tcp://127.0.0.1:9")
    )

    with pytest.raises(UnableToStart, match=r"web ended with 3; see .*web\.log"):
        runner.start()


def test_what_is_never_ready_is_named(make):
    runner = make(
        Role("web", python(SLEEPER), ready_url="tcp://127.0.0.1:9"), ready_s=0.3
    )

    with pytest.raises(UnableToStart, match=r"web was not ready within 0\.3 s"):
        runner.start()


def test_what_cannot_be_run_is_named(make):
    runner = make(Role("web", ["/nonexistent/program"]))

    with pytest.raises(UnableToStart, match=r"web cannot be run: .*No such file"):
        runner.start()


def test_a_killed_process_comes_back(make):
    runner = make(Role("one", python(SLEEPER)), Role("two", python(SLEEPER)))
    runner.start()
    first, other = runner.pid("one"), runner.pid("two")

    os.kill(first, signal.SIGKILL)

    assert eventually(runner.tend) == ["one"]
    assert runner.pid("one") != first
    assert runner.pid("two") == other
    assert runner.tend() == []


def test_what_dies_again_and_again_waits_longer_each_time(make, monkeypatch):
    monkeypatch.setattr(runner_module, "RESTART_MAX_S", 0.4)
    runner = make(Role("one", python("raise SystemExit(1)")))
    child = runner.children["one"] = runner._spawn(runner.roles[0])
    pauses = []
    for _ in range(5):
        child.process.wait()
        assert runner.tend() == []
        pauses.append(child.restart_at - time.monotonic())
        eventually(runner.tend)
        child = runner.children["one"]

    expected = [0.05, 0.1, 0.2, 0.4, 0.4]
    for pause, longest in zip(pauses, expected, strict=True):
        assert longest / 2 < pause <= longest


def test_what_lived_long_starts_over_with_a_short_pause(make, monkeypatch):
    runner = make(Role("one", python("raise SystemExit(1)")))
    child = runner.children["one"] = runner._spawn(runner.roles[0])
    child.process.wait()
    child.failures = 7
    monkeypatch.setattr(runner_module, "STABLE_S", -1.0)

    runner.tend()

    assert child.failures == 1


def test_stopping_ends_all_also_those_that_do_not_listen(make, tmp_path):
    runner = make(Role("soft", python(SLEEPER)), Role("hard", python(STUBBORN)))
    runner.start()
    for name in ("soft", "hard"):
        eventually(lambda name=name: is_up(tmp_path / "log" / f"{name}.log"))
    pids = [runner.pid(name) for name in ("soft", "hard")]

    runner.stop(patience_s=0.5)

    assert runner.children["soft"].process.returncode == -signal.SIGTERM
    assert runner.children["hard"].process.returncode == -signal.SIGKILL
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            raise AssertionError("still there")


def test_stopping_takes_children_of_children_along(make, tmp_path):
    code = (
        "import signal, subprocess, sys, time;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)'];"
        "child = subprocess.Popen(sleep);"
        "print(f'child={child.pid}', flush=True); time.sleep(600)"
    )
    runner = make(Role("one", python(code)))
    runner.start()
    log = tmp_path / "log" / "one.log"
    eventually(lambda: "child=" in log.read_text() and log.read_text().endswith("\n"))
    grandchild = int(log.read_text().split("=")[1])

    runner.stop(patience_s=0)

    def is_gone():
        try:
            state = Path(f"/proc/{grandchild}/stat").read_text().split()[2]
        except OSError:
            return True
        return state == "Z"

    eventually(is_gone)


def test_stopping_what_never_started_does_nothing(make):
    make(Role("one", python(SLEEPER))).stop()


def test_the_whole_system_has_its_roles(tmp_path):
    roles = {
        role.name: role
        for role in system_roles(
            Ports("0.0.0.0", web=1, gateway=2), home=tmp_path, queues=["a", "b"]
        )
    }

    assert list(roles) == ["web", "gateway", "worker", "beat", "relay"]
    assert roles["web"].env == {"CPMS_DATABASE_ROLE": "app"}
    assert roles["web"].ready_url == "http://0.0.0.0:1/readyz"
    assert roles["gateway"].ready_url == "tcp://0.0.0.0:2"
    assert "a,b" in roles["worker"].argv
