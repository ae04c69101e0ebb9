"""Several gateway processes on one port: start, restart, stop."""

import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

BACKOFF_MIN_S: Final = 0.2
BACKOFF_MAX_S: Final = 10.0
# A child that lived this long was healthy: its next restart is at once.
HEALTHY_S: Final = 30.0
POLL_S: Final = 0.1
# Longer than a child's drain; afterwards it is killed.
STOP_S: Final = 40.0
READY_MAX_BYTES: Final = 4096


@dataclass(slots=True)
class Child:
    """One slot of the supervisor and the process in it."""

    index: int
    process: "subprocess.Popen[bytes] | None" = None
    ready_fd: int = -1
    is_ready: bool = False
    started_at: float = 0.0
    backoff_s: float = BACKOFF_MIN_S
    restart_at: float = 0.0


class Supervisor:
    """Keeps N children alive.

    ``command(index, ready_fd)`` gives the argument list of a child; a child writes
    anything to ``ready_fd`` when it serves.
    """

    def __init__(
        self,
        command: Callable[[int, int], Sequence[str]],
        processes: int,
        on_ready: Callable[[list[int]], None],
    ) -> None:
        """``on_ready`` gets the process ids, once, when all children serve."""
        self._command = command
        self._on_ready = on_ready
        self._children = [Child(index) for index in range(processes)]
        self._signals = 0
        self._announced = False
        self.restarts = 0

    def run(self) -> int:
        """Supervise until a signal; the exit code is 0 when all ended in order."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_reload)
        for child in self._children:
            self._start(child)
        while self._signals == 0:
            self._wait_ready()
            self._revive()
        return self._stop()

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1

    def _on_reload(self, number: int, _frame: object) -> None:
        """Certificates changed: every child that serves reads them again.

        One that still starts reads them anyway, and would die of the signal.
        """
        living = [c.process for c in self._children if c.process and c.is_ready]
        _signal_all(living, signal.Signals(number))

    def _start(self, child: Child) -> None:
        read_fd, write_fd = os.pipe()
        arguments = list(self._command(child.index, write_fd))
        child.process = subprocess.Popen(  # noqa: S603 - our own command
            arguments, pass_fds=(write_fd,), start_new_session=True
        )
        os.close(write_fd)
        child.ready_fd = read_fd
        child.is_ready = False
        child.started_at = time.monotonic()

    def _wait_ready(self) -> None:
        """Wait a moment, or until a child says that it serves."""
        waiting = {c.ready_fd: c for c in self._children if c.ready_fd >= 0}
        if not waiting:
            time.sleep(POLL_S)
            return
        for fd in select.select(list(waiting), [], [], POLL_S)[0]:
            child = waiting[fd]
            # Nothing to read means that the child died before it was ready.
            child.is_ready = bool(os.read(fd, READY_MAX_BYTES))
            os.close(fd)
            child.ready_fd = -1
        if not self._announced and all(child.is_ready for child in self._children):
            self._announced = True
            pids = [c.process.pid for c in self._children if c.process is not None]
            self._on_ready(pids)

    def _revive(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, now)
            if child.process is None and child.restart_at <= now:
                self.restarts += 1
                self._start(child)

    def _bury(self, child: Child, now: float) -> None:
        """Note a death; the next start waits the longer, the shorter the life was."""
        assert child.process is not None
        lived_s = now - child.started_at
        if lived_s > HEALTHY_S:
            child.backoff_s = BACKOFF_MIN_S
        logger.error(
            "gateway process %d (pid %d) ended with %s after %.1f s; again in %.1f s",
            child.index,
            child.process.pid,
            child.process.returncode,
            lived_s,
            child.backoff_s,
        )
        child.process = None
        child.is_ready = False
        child.restart_at = now + child.backoff_s
        child.backoff_s = min(child.backoff_s * 2, BACKOFF_MAX_S)
        if child.ready_fd >= 0:
            os.close(child.ready_fd)
            child.ready_fd = -1

    def _stop(self) -> int:
        """Pass the signals on and wait for the children."""
        living = [c.process for c in self._children if c.process is not None]
        passed = 0
        deadline = time.monotonic() + STOP_S
        while any(process.poll() is None for process in living):
            if passed < self._signals:
                passed = self._signals
                _signal_all(living, signal.SIGTERM)
            if time.monotonic() > deadline:
                _signal_all(living, signal.SIGKILL)
            time.sleep(POLL_S / 2)
        # A child that was still starting dies of the signal itself: nothing to drain.
        orderly = {0, -signal.SIGTERM}
        return int(any(process.returncode not in orderly for process in living))


def _signal_all(
    processes: "Sequence[subprocess.Popen[bytes]]", number: signal.Signals
) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)
