"""The process that stands over one server.

It starts the server, starts it again when it dies, and stops it when nobody has
used it for a while. It is the server's parent, so the kernel ends the server when
the supervisor is killed. One thread; every wait is a wait for signals too.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cpms.embedded.accounts import Account
from cpms.embedded.locks import UnableToLock, is_current, lock
from cpms.embedded.ports import choose, is_free
from cpms.embedded.processes import Program, UnableToStart, start, stop
from cpms.embedded.room import FAILED, READY, RESTARTING, Room, State

WATCH_INTERVAL_S = 0.5
READY_INTERVAL_S = 0.01
LOCK_TIMEOUT_S = 5.0
# Recovery replays at most max_wal_size; a slow disk may take minutes for it.
READY_TIMEOUT_S = 300.0
PORT_ATTEMPTS_MAX = 5
# Deaths in a row, each sooner than STABLE_S after the server was ready.
QUICK_DEATHS_MAX = 10
STABLE_S = 0.3
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.05, 5.0
LOG_BYTES_MAX = 5 * 1024 * 1024
LOG_TAIL_BYTES = 2000
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
SIGNALS = STOP_SIGNALS | {signal.SIGCHLD, signal.SIGHUP}


class Server(Protocol):
    """What a supervisor must know of a server."""

    @property
    def service(self) -> str:
        """Name of the server's room."""

    @property
    def account(self) -> Account:
        """Whom the server runs as."""

    @property
    def death_signal(self) -> signal.Signals:
        """Sent to the server by the kernel when the supervisor dies."""

    @property
    def stop_ladder(self) -> tuple[tuple[signal.Signals, float], ...]:
        """Signals that end the server, with the seconds each gets."""

    def prepare(self) -> None:
        """Make everything ready for a start; runs before every start."""

    def program(self, port: int) -> Program:
        """What to run."""

    def is_ready(self, pid: int, port: int) -> bool:
        """Whether the server takes work."""


class StopAsked(Exception):
    """Somebody told the supervisor to stop."""


@dataclass
class Supervisor:
    """Runs one server until nobody needs it.

    Attributes:
        room: the server's room.
        server: the server.
        idle_s: seconds without any user after which the server is stopped.
        announce: called once, when the server is ready for the first time.
    """

    room: Room
    server: Server
    idle_s: float
    announce: Callable[[], None]

    _process: subprocess.Popen[bytes] | None = None
    _log: int = -1
    _lock: int = -1
    _place: Path | None = None
    _port: int = 0
    _ready_at: float = 0.0
    _restarts: int = 0
    _deaths: int = 0
    _used_at: float = field(default_factory=time.monotonic)
    _used_mark: int = 0

    def run(self) -> None:
        """Supervise until stopped, unused or out of patience.

        Raises:
            UnableToStart: when the server does not come up or keeps dying.
        """
        old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._lock = lock(
                self.room.supervisor_lock, exclusive=True, timeout_s=LOCK_TIMEOUT_S
            )
        except UnableToLock as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)
            raise UnableToStart(f"Another supervisor is at work: {error}") from error
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._log = os.open(self.room.log, flags, 0o600)
        users = -1
        try:
            self._start_first()
            self.announce()
            users = self._watch()
        except StopAsked:
            self._say("told to stop")
        except Exception as error:
            self._say(f"gives up: {error}")
            with contextlib.suppress(OSError):  # the home may be what is gone
                self._write_state(FAILED)
            raise
        finally:
            self._finish()
            for descriptor in (self._log, users, self._lock):
                if descriptor >= 0:
                    os.close(descriptor)
            signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)

    def _finish(self) -> None:
        """Stop the server; nobody must find it ready any more before that."""
        state = self.room.read_state()
        if state is not None and state.status != FAILED:
            self.room.clear_state()
        if self._process is not None:
            stop(self._process, self.server.stop_ladder)
            self._say("stopped")
        if self._place is not None and not self.room.folder.exists():
            # The home was deleted; a place outside it would never be found again.
            shutil.rmtree(self._place, ignore_errors=True)

    def _start_first(self) -> None:
        """Start on the remembered port, or on another when a stranger has it."""
        for attempt in range(1, PORT_ATTEMPTS_MAX + 1):
            self._port = choose(self.room.remembered_port())
            try:
                self._start()
            except UnableToStart:
                # Only a port lost between the look and the start is worth a retry.
                if attempt == PORT_ATTEMPTS_MAX or is_free(self._port):
                    raise
            else:
                self.room.remember_port(self._port)
                return

    def _start(self) -> None:
        self.server.prepare()
        offset = os.fstat(self._log).st_size
        self._process = start(
            self.server.program(self._port),
            account=self.server.account,
            death_signal=self.server.death_signal,
            log=self._log,
        )
        try:
            self._wait_until_ready(self._process, offset)
        except (UnableToStart, StopAsked):
            stop(self._process, self.server.stop_ladder)
            raise
        self._ready_at = time.monotonic()
        self._write_state(READY)
        self._say(f"ready on port {self._port}, pid {self._process.pid}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes], offset: int) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.server.is_ready(process.pid, self._port):
            if process.poll() is not None:
                raise UnableToStart(
                    f"{self.server.service} ended with code {process.returncode}: "
                    f"{self._log_from(offset)}"
                )
            if time.monotonic() > deadline:
                raise UnableToStart(
                    f"{self.server.service} is not ready after {READY_TIMEOUT_S:g} s: "
                    f"{self._log_from(offset)}"
                )
            self._wait(READY_INTERVAL_S)

    def _watch(self) -> int:
        """Look after the server.

        Returns:
            The descriptor that holds the users' lock, when nobody uses the server
            any more (new users wait for it until everything is stopped); -1 when
            the home was deleted.
        """
        assert self._process is not None
        while True:
            self._wait(WATCH_INTERVAL_S)
            if not is_current(self._lock, self.room.supervisor_lock):
                return -1
            if self._process.poll() is not None:
                self._restart()
            self._trim_log()
            users = self._lock_out_users()
            if users >= 0:
                self._say(f"not used for {self.idle_s:g} s")
                return users

    def _restart(self) -> None:
        """Start the dead server again, on the same port, with patience."""
        if time.monotonic() - self._ready_at >= STABLE_S:
            self._deaths = 0
        while True:
            assert self._process is not None
            self._say(f"ended with code {self._process.returncode}")
            self._deaths += 1
            if self._deaths > QUICK_DEATHS_MAX:
                raise UnableToStart(
                    f"{self.server.service} died {QUICK_DEATHS_MAX} times in a row; "
                    f"see {self.room.log}"
                )
            self._restarts += 1
            self._write_state(RESTARTING)
            if self._deaths > 1:
                self._pause(min(BACKOFF_FIRST_S * 2**self._deaths, BACKOFF_MAX_S))
            try:
                self._start()
            except UnableToStart as error:
                self._say(str(error))
            else:
                return

    def _lock_out_users(self) -> int:
        """Take the users' lock when nobody has used the server for ``idle_s``.

        Returns:
            The descriptor that holds it, or -1 while there are users.
        """
        try:
            users = lock(self.room.users_lock, exclusive=True, timeout_s=0)
        except UnableToLock:
            self._used_at = time.monotonic()
            return -1
        # Users who came and went between two looks left their mark.
        mark = os.fstat(users).st_mtime_ns
        if mark != self._used_mark:
            self._used_mark = mark
            self._used_at = time.monotonic()
        if time.monotonic() - self._used_at >= self.idle_s:
            return users
        os.close(users)
        return -1

    def _wait(self, seconds: float) -> None:
        """Sleep until a signal arrives; a dead child ends the sleep early.

        Raises:
            StopAsked: on SIGTERM and SIGINT.
        """
        got = signal.sigtimedwait(SIGNALS, seconds)
        if got is not None and got.si_signo in STOP_SIGNALS:
            raise StopAsked

    def _pause(self, seconds: float) -> None:
        """Sleep for the whole time, but for a wish to stop."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._wait(left)

    def _write_state(self, status: str) -> None:
        process = self._process
        self._place = self.room.known_place() or self._place
        self.room.write_state(
            State(
                status=status,
                supervisor_pid=os.getpid(),
                server_pid=process.pid if process and process.poll() is None else 0,
                port=self._port,
                place=str(self._place or ""),
                restarts=self._restarts,
            )
        )

    def _say(self, text: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        os.write(self._log, f"{now} supervisor[{os.getpid()}]: {text}\n".encode())

    def _log_from(self, offset: int) -> str:
        with self.room.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(offset, size - LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()

    def _trim_log(self) -> None:
        """Keep one old log; the server writes on to the emptied file."""
        if os.fstat(self._log).st_size <= LOG_BYTES_MAX:
            return
        with contextlib.suppress(OSError):
            shutil.copyfile(self.room.log, self.room.log.with_suffix(".log.1"))
            os.truncate(self.room.log, 0)
