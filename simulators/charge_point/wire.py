"""The WebSocket as the `ocpp` package sees it, with faults and quirks on it."""

import asyncio
import contextlib
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from simulators.charge_point.faults import FaultPlan, step_names
from simulators.charge_point.quirks import QuirkSet
from simulators.errors import ExitCode, SimulatorError
from simulators.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES_KEPT_MAX: Final = 2_000

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4

# How an action says no, where that is not `Rejected`.
REFUSALS: Final = {"UnlockConnector": "UnlockFailed"}


class LineDown(SimulatorError):
    """The connection is gone; what was being sent may or may not have arrived."""

    exit_code = ExitCode.UNREACHABLE


class FrameLost(SimulatorError):
    """The fault plan swallowed this frame."""


class FrameLog:
    """The last frames in both directions, as text."""

    def __init__(self) -> None:
        """Begin empty."""
        self._frames: deque[tuple[str, str]] = deque(maxlen=FRAMES_KEPT_MAX)

    def add(self, direction: str, text: str) -> None:
        """Keep a frame; `direction` is ``out`` or ``in``."""
        self._frames.append((direction, text))

    def all(self, direction: str | None = None) -> list[list[Any]]:
        """Return the kept frames, parsed, of one direction or both."""
        return [
            json.loads(text)
            for way, text in self._frames
            if direction is None or way == direction
        ]

    def calls(self, action: str) -> list[dict[str, Any]]:
        """Return the payloads of the CALLs of one action that were sent."""
        return [
            frame[3]
            for frame in self.all("out")
            if frame[0] == CALL and frame[2] == action
        ]


class Wire:
    """One connection's frames, between the `ocpp` package and `websockets`."""

    def __init__(
        self,
        connection: ClientConnection,
        *,
        faults: FaultPlan,
        quirks: QuirkSet,
        journal: Journal,
        frames: FrameLog,
    ) -> None:
        """Wrap an open connection; `on_answered` runs after each answer of ours."""
        self._connection = connection
        self._faults = faults
        self._quirks = quirks
        self._journal = journal
        self._frames = frames
        self._real_ids: dict[str, str] = {}
        self.on_answered: Callable[[], None] = lambda: None

    async def send(self, text: str) -> None:
        """Send one frame of ours.

        Raises:
            LineDown: the line was, or is now, cut.
            FrameLost: the plan says that this frame is never sent.
        """
        frame = json.loads(text)
        if frame[0] == CALL:
            await self._send_call(frame)
            return
        await self._put(text)
        self.on_answered()

    async def recv(self) -> str:
        """Return the next frame that the plan lets through.

        Raises:
            LineDown: the connection ended.
        """
        while True:
            try:
                data = await self._connection.recv()
            except ConnectionClosed as closed:
                msg = f"{closed}"
                raise LineDown(msg) from closed
            text = data if isinstance(data, str) else data.decode()
            self._frames.add("in", text)
            if passed := await self._let_in(text):
                return passed

    async def close(self) -> None:
        """Close politely."""
        await self._connection.close()

    def cut(self) -> None:
        """End the connection as a pulled cable does: no close frame."""
        self._connection.transport.abort()

    async def _send_call(self, frame: list[Any]) -> None:
        names = step_names(frame[2], frame[3])
        if self._faults.take("lose", names):
            self._journal.add("fault", kind="lose", step=names[-1])
            raise FrameLost(frame[2])
        if self._faults.take("drop-before", names):
            self._drop("drop-before", names[-1])
        text = self._as_written(frame)
        await self._put(text)
        if self._faults.take("duplicate", names):
            self._journal.add("fault", kind="duplicate", step=names[-1])
            await self._put(text)
        if self._faults.take("drop-after", names):
            # The frame must be in the peer's hands before the line goes.
            await asyncio.sleep(0.05)
            self._drop("drop-after", names[-1])

    def _drop(self, kind: str, step: str) -> None:
        self._journal.add("fault", kind=kind, step=step)
        self.cut()
        raise LineDown(kind)

    def _as_written(self, frame: list[Any]) -> str:
        if self._quirks:
            real_id = frame[1]
            frame = self._quirks.apply(frame)
            self._real_ids[frame[1]] = real_id
        return json.dumps(frame, separators=(",", ":"))

    async def _put(self, text: str) -> None:
        self._frames.add("out", text)
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            msg = f"{closed}"
            raise LineDown(msg) from closed

    async def _let_in(self, text: str) -> str | None:
        with contextlib.suppress(ValueError, IndexError, TypeError, KeyError):
            frame = json.loads(text)
            if frame[0] == CALL:
                return await self._let_call_in(frame, text)
            if frame[1] in self._real_ids:
                frame[1] = self._real_ids.pop(frame[1])
                return json.dumps(frame)
        return text

    async def _let_call_in(self, frame: list[Any], text: str) -> str | None:
        action = frame[2]
        self._journal.add("asked", action=action)
        if self._faults.take("no-answer", [action]):
            self._journal.add("fault", kind="no-answer", step=action)
            return None
        if self._faults.take("error", [action]):
            self._journal.add("fault", kind="error", step=action)
            await self._put(json.dumps([4, frame[1], "InternalError", "", {}]))
            return None
        if self._faults.take("refuse", [action]):
            self._journal.add("fault", kind="refuse", step=action)
            answer = {"status": REFUSALS.get(action, "Rejected")}
            await self._put(json.dumps([3, frame[1], answer]))
            return None
        return text
