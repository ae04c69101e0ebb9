"""The embedded Valkey: a cache and a broker whose data may be lost at any restart."""

import contextlib
import signal
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cpms.embedded.accounts import Account
from cpms.embedded.processes import Program
from cpms.embedded.programs import Programs, reachable, valkey_programs
from cpms.embedded.room import Room

SERVICE = "valkey"
SECRET = "default"  # noqa: S105 - the name of Valkey's only user
PING_TIMEOUT_S = 1.0


def url(password: str, port: int) -> str:
    """The address for a server on ``port``."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


@dataclass(frozen=True)
class ValkeyServer:
    """How the supervisor runs Valkey."""

    room: Room
    account: Account

    service = SERVICE
    # It keeps nothing, so there is nothing to finish.
    death_signal = signal.SIGKILL
    stop_ladder = ((signal.SIGTERM, 5.0),)

    @cached_property
    def _place(self) -> Path:
        return self.room.place(self.account)

    @cached_property
    def _programs(self) -> Programs:
        programs = valkey_programs()
        programs.check()
        return reachable(programs, self.account, self._place)

    @property
    def _password(self) -> str:
        return self.room.secrets((SECRET,))[SECRET]

    def prepare(self) -> None:
        """Make password and programs; there is no data to look after."""
        # Fails here, with a clear word, rather than in the server's start.
        _ = self._password, self._programs

    def program(self, port: int) -> Program:
        """The server on ``port``; its settings go by standard input, unlisted."""
        settings = (
            "bind 127.0.0.1\n"
            f"port {port}\n"
            f"requirepass {self._password}\n"
            'save ""\n'
            "appendonly no\n"
            "daemonize no\n"
            'logfile ""\n'
            # A broker must refuse, not forget.
            "maxmemory-policy noeviction\n"
        )
        return Program((str(self._programs.path), "-"), self._place, text=settings)

    def is_ready(self, _pid: int, port: int) -> bool:
        """Whether the server answers a PING after our password."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), PING_TIMEOUT_S) as peer,
        ):
            peer.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := peer.recv(256)):
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"
        return False
