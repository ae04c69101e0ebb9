"""Watching processes and servers from the outside."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from cpms.embedded import EmbeddedPostgres, EmbeddedValkey
from cpms.embedded.doors import _leases

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60


def wait_until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.02)


def stays(holds, seconds=2.0):
    """Whether it holds at every look; longer only looks more often."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not holds():
            return False
        time.sleep(0.02)
    return True


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def give_back(server):
    """End the lease of this process, as if it had ended."""
    descriptor = _leases.pop(server.room.users_lock, None)
    if descriptor is not None:
        os.close(descriptor)


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)
    if number == signal.SIGKILL:
        wait_until(lambda: not is_alive(pid), f"process {pid} is gone")


class User:
    """Another process that uses a server until it is killed."""

    def __init__(self, code, home, **options):
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(home)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    def first_line(self):
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def erase(path):
    for server in (EmbeddedPostgres(path), EmbeddedValkey(path)):
        give_back(server)
        server.erase()
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)
