"""Starts the system's own processes on the test database."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from cpms.embedded import ensure_postgres

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 90.0
"""Long enough for a loaded machine; nobody waits for it when all goes well."""


def until(condition, *, patience_s=PATIENCE_S):
    """Wait for something true and return it."""
    deadline = time.monotonic() + patience_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)


def environment(redis_url, *, role="system", **more):
    """What a process needs to work on the test database as this role."""
    name = connection.settings_dict["NAME"]
    urls = ensure_postgres(settings.CPMS_HOME)
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cpms.settings.dev",
        "DATABASE_URL_APP": urls.app.rsplit("/", 1)[0] + f"/{name}",
        "DATABASE_URL_SYSTEM": urls.system.rsplit("/", 1)[0] + f"/{name}",
        "CPMS_DATABASE_ROLE": role,
        "CPMS_HOME": str(settings.CPMS_HOME),
        "REDIS_URL": redis_url,
        "LOG_LEVEL": "WARNING",
        "LOG_JSON": "true",
        **more,
    }


@contextmanager
def process(argv, env, log: Path) -> Iterator[subprocess.Popen]:
    """Run a command of this Python; SIGTERM at the end, SIGKILL to what stays."""
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            kill(running)


def kill(running):
    """kill -9 of the process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Web:
    """A web process that listens."""

    url: str
    log: Path

    def get(self, path, **headers):
        """(status, text) of an address."""
        request = urllib.request.Request(
            self.url + path,
            headers={k.replace("_", "-"): v for k, v in headers.items()},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def is_alive(self):
        """Answers at all."""
        with suppress(OSError):
            return self.get("/healthz")[0] == 200
        return False


@contextmanager
def web(env, folder: Path) -> Iterator[Web]:
    """A real web process: uvicorn with the application of production."""
    port = free_port()
    argv = [
        *["-m", "uvicorn", "cpms.asgi:application", "--host", "127.0.0.1"],
        *["--port", str(port), "--lifespan", "off", "--log-level", "warning"],
    ]
    server = Web(f"http://127.0.0.1:{port}", folder / "web.log")
    with process(argv, env, server.log):
        until(server.is_alive)
        yield server
