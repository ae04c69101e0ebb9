"""What a process calls to use an embedded server."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from cpms.embedded import postgres, valkey
from cpms.embedded.locks import UnableToLock, is_current, is_locked, lock
from cpms.embedded.postgres import PostgresUrls
from cpms.embedded.processes import UnableToStart
from cpms.embedded.room import FAILED, READY, Room, State

IDLE_VARIABLE = "CPMS_EMBEDDED_IDLE_S"
IDLE_S = 60.0
# More than a supervisor ever takes to start, or to stop, its server.
START_TIMEOUT_S = 330.0
STOP_TIMEOUT_S = 40.0
POLL_INTERVAL_S = 0.02
SOURCE_ROOT = Path(__file__).resolve().parents[2]

# One lease for each room that this process uses; the descriptor stays open as long
# as the process, or a child forked from it, lives.
_leases: dict[Path, int] = {}


class UnableToStop(Exception):
    """A supervisor does not go."""


@dataclass(frozen=True)
class ServerStatus:
    """How a server is.

    Attributes:
        status: ``ready``, ``starting``, ``restarting``, ``failed`` or ``stopped``.
        supervisor_pid: 0 when there is none.
        server_pid: 0 while the server is down.
        port: TCP port on 127.0.0.1, 0 when nothing runs.
        restarts: how often the supervisor had to start the server again.
        folder: the server's own files, empty when there are none yet.
        data_bytes: size of these files.
        log: the log file.
    """

    service: str
    status: str
    supervisor_pid: int
    server_pid: int
    port: int
    restarts: int
    folder: str
    data_bytes: int
    log: str


@dataclass(frozen=True)
class _Embedded(ABC):
    """One server of one home.

    Attributes:
        home: the checkout's folder for servers (``.cpms``); every home has its own
            servers, ports and passwords.
        idle_s: seconds without users after which the server stops; None takes
            ``CPMS_EMBEDDED_IDLE_S`` or 60.
    """

    home: Path
    idle_s: float | None = None

    @property
    @abstractmethod
    def room(self) -> Room:
        """The server's room in the home."""

    def stop(self) -> bool:
        """Stop server and supervisor, whoever still uses them.

        Returns:
            False when nothing ran.

        Raises:
            UnableToStop: when they are still there after 40 seconds.
        """
        room = self.room
        if not is_locked(room.supervisor_lock):
            return False
        deadline = time.monotonic() + STOP_TIMEOUT_S
        asked = 0
        while is_locked(room.supervisor_lock):
            state = room.read_state()
            if state is not None and state.supervisor_pid != asked:
                asked = state.supervisor_pid
                if _is_supervisor(asked):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(asked, signal.SIGTERM)
            if time.monotonic() > deadline:
                raise UnableToStop(
                    f"The supervisor of {room.folder} is still there after "
                    f"{STOP_TIMEOUT_S:g} s; see {room.log}"
                )
            time.sleep(POLL_INTERVAL_S)
        return True

    def erase(self) -> None:
        """Stop the server and delete everything it stored."""
        self.stop()
        self.room.discard()

    def status(self) -> ServerStatus:
        """How the server is; starts nothing."""
        room = self.room
        state = room.read_state()
        place = room.known_place()
        if not is_locked(room.supervisor_lock):
            failed = state is not None and state.status == FAILED
            state = State("failed" if failed else "stopped", 0, 0, 0, "")
        state = state or State("starting", 0, 0, 0, "")
        return ServerStatus(
            service=room.service,
            status=state.status,
            supervisor_pid=state.supervisor_pid,
            server_pid=state.server_pid,
            port=state.port,
            restarts=state.restarts,
            folder=str(place or ""),
            data_bytes=_bytes_in(place) if place else 0,
            log=str(room.log),
        )

    def _running(self) -> State:
        """The state of the running server, started when need be."""
        if sys.platform != "linux":
            raise UnableToStart(
                f"The embedded servers need Linux, this is {sys.platform}: "
                "set DATABASE_URL and REDIS_URL."
            )
        room = self.room
        room.create()
        _hold_lease(room)
        state = _ready(room)
        if state is not None:
            return state
        starting = lock(room.starting_lock, exclusive=True, timeout_s=START_TIMEOUT_S)
        try:
            # Somebody else may have started it while we waited for the lock.
            state = _await_supervisor(room)
            if state is None:
                _launch(room, self._idle_s())
                state = _await_supervisor(room)
        finally:
            os.close(starting)
        if state is None:
            raise UnableToStart(f"{room.service} went as it came; see {room.log}")
        return state

    def _idle_s(self) -> float:
        if self.idle_s is not None:
            return self.idle_s
        given = os.environ.get(IDLE_VARIABLE, "")
        try:
            return float(given or IDLE_S)
        except ValueError:
            raise UnableToStart(
                f"{IDLE_VARIABLE} must be a number of seconds, not {given!r}."
            ) from None


class EmbeddedPostgres(_Embedded):
    """The PostgreSQL of one home."""

    @property
    def room(self) -> Room:
        """The server's room in the home."""
        return Room(self.home.resolve(), postgres.SERVICE)

    def ensure(self) -> PostgresUrls:
        """Start the server unless it runs; keep it as long as this process lives.

        Raises:
            UnableToStart: with the server's own words.
            UnableToUseHome: when the home cannot hold the server's files.
        """
        state = self._running()
        return postgres.urls(self.room.secrets(postgres.ROLES), state.port)


class EmbeddedValkey(_Embedded):
    """The Valkey of one home."""

    @property
    def room(self) -> Room:
        """The server's room in the home."""
        return Room(self.home.resolve(), valkey.SERVICE)

    def ensure(self) -> str:
        """Start the server unless it runs; keep it as long as this process lives.

        Returns:
            The address, ``redis://:password@127.0.0.1:port/0``.

        Raises:
            UnableToStart: with the server's own words.
            UnableToUseHome: when the home cannot hold the server's files.
        """
        state = self._running()
        return valkey.url(
            self.room.secrets((valkey.SECRET,))[valkey.SECRET], state.port
        )


def ensure_postgres(home: Path) -> PostgresUrls:
    """Addresses of the PostgreSQL of ``home``, started unless it runs."""
    return EmbeddedPostgres(home).ensure()


def ensure_valkey(home: Path) -> str:
    """Address of the Valkey of ``home``, started unless it runs."""
    return EmbeddedValkey(home).ensure()


def _hold_lease(room: Room) -> None:
    """Be counted as a user until this process ends."""
    path = room.users_lock
    held = _leases.get(path)
    if held is not None:
        if is_current(held, path):
            return
        os.close(held)
    # A supervisor that has just found nobody holds the lock until all is stopped.
    _leases[path] = lock(path, exclusive=False, timeout_s=STOP_TIMEOUT_S)
    os.utime(path)


def _is_supervisor(pid: int) -> bool:
    """Whether the number is a supervisor's here.

    A home shared with a container holds numbers of the container's processes.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"supervise" in words


def _ready(room: Room) -> State | None:
    state = room.read_state()
    if state is None or state.status != READY or not is_locked(room.supervisor_lock):
        return None
    return state


def _await_supervisor(room: Room) -> State | None:
    """Wait while a supervisor is busy.

    Returns:
        The state once it is ready, None when there is no supervisor.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while is_locked(room.supervisor_lock):
        state = _ready(room)
        if state is not None:
            return state
        if time.monotonic() > deadline:
            raise UnableToStart(
                f"{room.service} is not ready after {START_TIMEOUT_S:g} s; "
                f"see {room.log}"
            )
        time.sleep(POLL_INTERVAL_S)
    return None


def _launch(room: Room, idle_s: float) -> None:
    """Start a supervisor that outlives this process; wait until it is ready."""
    arguments = ("supervise", room.service, "--home", str(room.home))
    paths = (str(SOURCE_ROOT), os.environ.get("PYTHONPATH", ""))
    try:
        result = subprocess.run(  # noqa: S603 - our own command
            [
                sys.executable,
                "-m",
                "cpms.embedded",
                *arguments,
                "--idle-s",
                str(idle_s),
            ],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            timeout=START_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise UnableToStart(
            f"{room.service} is not ready after {START_TIMEOUT_S:g} s; see {room.log}"
        ) from error
    if result.returncode != 0:
        raise UnableToStart(result.stderr.strip() or f"See {room.log}.")


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
    return total


__all__ = [
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "PostgresUrls",
    "UnableToLock",
    "UnableToStart",
    "UnableToStop",
    "ensure_postgres",
    "ensure_valkey",
]
