"""Starts the system's processes on one machine and keeps them alive.

For development, the demo and the fault tests. In production each role is a unit or
container of its own (deploy/).
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

RESTART_FIRST_S: Final = 0.5
RESTART_MAX_S: Final = 10.0
STABLE_S: Final = 10.0
"""A process that lived so long starts over with a short pause."""

STOP_S: Final = 20.0
READY_S: Final = 60.0
PROBE_S: Final = 0.1

log = structlog.get_logger(__name__)


class UnableToStart(Exception):
    """A process did not become ready; its log says why."""


@dataclass(frozen=True)
class Role:
    """One process of the system.

    Args:
        name: also the name of its log file.
        argv: command line.
        env: added to the environment.
        ready_url: answers 200 when it can work; ``tcp://host:port`` is ready when
            somebody listens there; None: ready when started.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None


@dataclass
class _Child:
    role: Role
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int = 0
    restart_at: float | None = None


def _is_ready(url: str) -> bool:
    parts = urlsplit(url)
    try:
        if parts.scheme == "tcp":
            socket.create_connection((parts.hostname, parts.port), timeout=2).close()
            return True
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Runner:
    """Starts roles in order, restarts what dies, stops all in reverse order."""

    def __init__(
        self, roles: Sequence[Role], *, log_dir: Path, ready_s: float = READY_S
    ) -> None:
        """Nothing is started yet.

        Args:
            roles: what to run, in the order of starting.
            log_dir: gets ``<role>.log`` of each.
            ready_s: how long a role may take until it is ready.
        """
        self.ready_s = ready_s
        self.roles = roles
        self.log_dir = log_dir
        self.children: dict[str, _Child] = {}
        log_dir.mkdir(parents=True, exist_ok=True)

    def start(self, *, on_ready: Callable[[Role], None] = lambda _: None) -> None:
        """Start all roles and wait until each is ready.

        Raises:
            UnableToStart: one ended or was not ready in time.
        """
        for role in self.roles:
            self.children[role.name] = self._spawn(role)
        for role in self.roles:
            self._await_ready(self.children[role.name])
            on_ready(role)

    def _spawn(self, role: Role) -> _Child:
        path = self.log_dir / f"{role.name}.log"
        with path.open("ab") as output:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own commands
                    role.argv,
                    env={**os.environ, **role.env},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise UnableToStart(f"{role.name} cannot be run: {error}.") from error
        return _Child(role, process, time.monotonic())

    def _await_ready(self, child: _Child) -> None:
        deadline = time.monotonic() + self.ready_s
        url = child.role.ready_url
        while True:
            if child.process.poll() is not None:
                raise self._not_ready(child, f"ended with {child.process.returncode}")
            if url is None or _is_ready(url):
                return
            if time.monotonic() > deadline:
                problem = f"was not ready within {self.ready_s:g} s"
                raise self._not_ready(child, problem)
            time.sleep(PROBE_S)

    def _not_ready(self, child: _Child, problem: str) -> UnableToStart:
        name = child.role.name
        return UnableToStart(f"{name} {problem}; see {self.log_dir / name}.log.")

    def pid(self, name: str) -> int:
        """Process id of a role."""
        return self.children[name].process.pid

    def tend(self) -> list[str]:
        """Restart what has died; returns the names of what was restarted now."""
        restarted = []
        now = time.monotonic()
        for child in list(self.children.values()):
            if child.process.poll() is None:
                continue
            if child.restart_at is None:
                lived = now - child.started_at
                child.failures = 1 if lived > STABLE_S else child.failures + 1
                pause = min(RESTART_MAX_S, RESTART_FIRST_S * 2 ** (child.failures - 1))
                child.restart_at = now + pause
                log.warning(
                    "process_died",
                    role=child.role.name,
                    status=child.process.returncode,
                    restart_in_s=pause,
                )
            elif now >= child.restart_at:
                fresh = self._spawn(child.role)
                fresh.failures = child.failures
                self.children[child.role.name] = fresh
                restarted.append(child.role.name)
        return restarted

    def stop(self, *, patience_s: float = STOP_S) -> None:
        """SIGTERM in reverse order, SIGKILL to the group of what stays."""
        for role in reversed(self.roles):
            child = self.children.get(role.name)
            if child is not None and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for child in self.children.values():
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()


@dataclass(frozen=True)
class Ports:
    """Where the processes listen."""

    host: str = "127.0.0.1"
    web: int = 8000
    gateway: int = 9000


def system_roles(
    ports: Ports, *, home: Path, queues: Sequence[str], workers: int = 2
) -> list[Role]:
    """The roles of a whole system on this machine."""
    python = sys.executable
    base = f"http://{ports.host}:{ports.web}"
    manage = [python, "manage.py"]
    celery = [python, "-m", "celery", "-A", "cpms"]
    return [
        Role(
            "web",
            [
                *[python, "-m", "uvicorn", "cpms.asgi:application"],
                *["--host", ports.host, "--port", str(ports.web)],
                *["--log-level", "warning", "--lifespan", "off"],
            ],
            {"CPMS_DATABASE_ROLE": "app"},
            f"{base}/readyz",
        ),
        Role(
            "gateway",
            [
                *[*manage, "ocpp_gateway", "--host", ports.host],
                *["--port", str(ports.gateway)],
            ],
            ready_url=f"tcp://{ports.host}:{ports.gateway}",
        ),
        Role(
            "worker",
            [
                *[*celery, "worker", "-Q", ",".join(queues), "-c", str(workers)],
                *["-l", "WARNING", "--without-gossip", "--without-mingle"],
            ],
        ),
        Role("beat", [*celery, "beat", "-l", "WARNING", "-s", str(home / "beat")]),
        Role("relay", [*manage, "outbox_relay"]),
    ]
