"""One WebSocket connection of the load generator, on an asyncio.Protocol."""

import asyncio
import base64
import json
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote, urlsplit

from simulators.load.frames import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    TEXT_FRAME,
    FrameError,
    FrameReader,
    client_frame,
)
from simulators.load.plan import Plan
from simulators.load.scenarios import Scenario, Talk, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD_BYTES_MAX: Final = 16 * 1024

# `[3,` as every compact server writes it; anything else takes the slow way.
RESULT_HEAD: Final = b"[3"


REASON_CHARS_MAX: Final = 120


class LineEnded(ConnectionError):
    """The server, or the network, ended the line in the middle."""

    reason = "disconnected"


class HandshakeRefused(ConnectionError):
    """The server answered the opening handshake with no."""


class Tally:
    """What all connections of a run counted together."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.recording = False
        self.latencies_s: list[float] = []
        self.errors: Counter[str] = Counter()


class Connection(asyncio.Protocol):
    """Handshake, then one call at a time from a scenario.

    After an answer, `on_idle` decides whether the next call leaves at once.
    """

    def __init__(self, plan: Plan, scenario: Scenario, tally: Tally) -> None:
        """Speak for a scenario's station."""
        self._plan = plan
        self.scenario = scenario
        self._tally = tally
        self._talk: Talk | None = None
        self._sent_at_s = 0.0
        self._head = b""
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self._done: asyncio.Future[None] | None = None
        self.on_idle: Callable[[Connection], bool] = lambda _: True
        self._last_answer: bytes | None = None
        self.waiting = False
        self.alive = False
        self.frame_bytes = 0

    # -- asyncio.Protocol --------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the opening handshake."""
        # uvloop's transport has the methods of asyncio's, but not its class.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._handshake())

    def data_received(self, data: bytes) -> None:
        """Take bytes; the common case is one whole CALLRESULT."""
        if (
            self.alive
            and not len(self._reader)
            and data[0] == TEXT_FRAME
            and len(data) - 2 == data[1]
            and data[2:4] == RESULT_HEAD
        ):
            self._answered(data[2:])
        elif self.alive:
            self._take_frames(data)
        else:
            self._take_head(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note a line that ended before its time."""
        was_alive, self.alive = self.alive, False
        if not self.ready.done():
            reason = str(exc or "closed during the handshake")
            self.ready.set_exception(ConnectionError(reason))
        if was_alive and self._talk is not None:
            self._end(LineEnded())

    # -- scenario ------------------------------------------------------------------

    async def run(self, talk: Talk) -> None:
        """Say a talk to its end.

        Raises:
            ConnectionError: the line ended first.
            UnexpectedAnswer: an answer that the scenario cannot go on with.
        """
        self._done = asyncio.get_running_loop().create_future()
        self.begin(talk)
        try:
            await self._done
        finally:
            self._done = None

    def begin(self, talk: Talk) -> None:
        """Begin a talk; its first call leaves at once."""
        self._talk = talk
        self._send_next(None)

    def hold(self, talk: Talk) -> None:
        """Take a talk up; `go_on` sends its calls one by one."""
        self._talk = talk
        self._last_answer = None

    def go_on(self, due_at_s: float) -> None:
        """Send the next call; its latency counts from when it was due."""
        self._send_next(self._last_answer)
        self._sent_at_s = due_at_s

    def leave(self) -> None:
        """End the present talk after the answer that is under way."""
        self.on_idle = lambda _: False

    def close(self) -> None:
        """Close the line."""
        self._talk = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(client_frame(b"\x03\xe8", CLOSE))
            self._transport.close()

    def _answered(self, payload: bytes) -> None:
        if not self.waiting:
            self._tally.errors["unasked answer"] += 1
            return
        self.waiting = False
        if self._tally.recording:
            self._tally.latencies_s.append(time.perf_counter() - self._sent_at_s)
        self._last_answer = payload
        if self.on_idle(self):
            self._send_next(payload)

    def _send_next(self, answer: bytes | None) -> None:
        talk, transport = self._talk, self._transport
        if talk is None or transport is None:
            return
        try:
            # A generator begins with None and goes on with the last answer.
            frame = next(talk) if answer is None else talk.send(answer)
        except StopIteration:
            self._end(None)
        except (UnexpectedAnswer, KeyError, ValueError) as error:
            self._end(error)
        else:
            self.waiting = True
            self._sent_at_s = time.perf_counter()
            self.frame_bytes = len(frame)
            transport.write(frame)

    def _end(self, error: Exception | None) -> None:
        self._talk = None
        self.waiting = False
        if self._done is not None and not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)
        elif error is not None:
            reason = getattr(error, "reason", None) or repr(error)
            self._tally.errors[reason[:REASON_CHARS_MAX]] += 1

    # -- the slow way ----------------------------------------------------------------

    def _take_frames(self, data: bytes) -> None:
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            self._tally.errors[f"frame: {error}"] += 1
            self.close()
            return
        for opcode, payload in frames:
            if opcode == TEXT:
                self._take_text(payload)
            elif opcode == PING:
                self._write(client_frame(payload, PONG))
            elif opcode == CLOSE:
                self._write(client_frame(payload[:2], CLOSE))

    def _take_text(self, payload: bytes) -> None:
        try:
            frame = json.loads(payload)
            kind = frame[0]
        except (ValueError, LookupError, TypeError):
            self._tally.errors["broken answer"] += 1
            return
        if kind == 2:
            # This client serves nobody; a CALL of the server must not hang.
            refusal = json.dumps([4, frame[1], "NotImplemented", "", {}])
            self._write(client_frame(refusal.encode()))
            return
        if kind == 4:
            self._tally.errors[f"CALLERROR {frame[2]}"] += 1
        self._answered(payload)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _handshake(self) -> bytes:
        address = urlsplit(self._plan.url)
        identity = self.scenario.identity
        path = f"{address.path.rstrip('/')}/{quote(identity, safe='')}"
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {address.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            f"Sec-WebSocket-Protocol: ocpp{self._plan.version}",
        ]
        if password := self._plan.password_of(identity):
            pair = base64.b64encode(f"{identity}:{password}".encode()).decode()
            lines.append(f"Authorization: Basic {pair}")
        return "\r\n".join([*lines, "", ""]).encode()

    def _take_head(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            if len(self._head) > HEAD_BYTES_MAX:
                self._refuse("an endless handshake")
            return
        status, _, headers = head.decode("latin-1").partition("\r\n")
        if " 101 " not in f"{status} ":
            self._refuse(f"the handshake was answered {status!r}")
        elif f"ocpp{self._plan.version}" not in headers:
            self._refuse(f"no subprotocol ocpp{self._plan.version} in the answer")
        else:
            self.alive = True
            self.ready.set_result(None)
            if rest:
                self._take_frames(rest)

    def _refuse(self, reason: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(
                HandshakeRefused(f"{self.scenario.identity}: {reason}")
            )
        if self._transport is not None:
            self._transport.close()
