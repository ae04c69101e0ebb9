"""The station's line to the server: opening, losing and finding it again."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from ocpp.exceptions import OCPPError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from simulators.charge_point.options import StationOptions
from simulators.charge_point.wire import LineDown, Wire
from simulators.errors import (
    ExitCode,
    SimulatorError,
    UnableToEnter,
    UnableToReach,
)
from simulators.shapes import Connection, Message

CLOSE_TIMEOUT_S: Final = 2.0


class CallRefused(SimulatorError):
    """The server answered a CALL with a CALLERROR."""

    exit_code = ExitCode.REFUSED

    def __init__(self, action: str, error: OCPPError) -> None:
        """Keep the error's code apart."""
        self.code = str(getattr(error, "code", "GenericError"))
        super().__init__(f"{action} was answered {self.code}: {error}")


class Peer(Protocol):
    """What a dialect builds on the `ocpp` package for one connection."""

    async def start(self) -> None:
        """Read and route frames until the line ends."""

    async def call(self, payload: Message, *, suppress: bool) -> Message:
        """Send a CALL and return its answer."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a station connects, as whom.

    Attributes:
        url: the endpoint without the identity, for example ``ws://host/ocpp``.
        password: basic auth; empty for security profile 0.
    """

    url: str
    identity: str
    subprotocol: str
    password: str = ""

    @property
    def full_url(self) -> str:
        """The URL with the percent-encoded identity."""
        return f"{self.url.rstrip('/')}/{quote(self.identity, safe='')}"

    def headers(self) -> dict[str, str]:
        """Basic auth, if there is a password."""
        if not self.password:
            return {}
        pair = base64.b64encode(f"{self.identity}:{self.password}".encode())
        return {"Authorization": f"Basic {pair.decode()}"}


class Link:
    """At most one open connection, and the calls over it."""

    def __init__(
        self,
        *,
        options: StationOptions,
        make_wire: Callable[[Connection], Wire],
        make_peer: Callable[[Wire], Peer],
        on_down: Callable[[], None],
    ) -> None:
        """Begin closed; `on_down` is called once for every line that ended."""
        self._options = options
        self._make_wire = make_wire
        self._make_peer = make_peer
        self._on_down = on_down
        self._wire: Wire | None = None
        self._peer: Peer | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether a connection is open."""
        return self._reader is not None and not self._reader.done()

    async def open(self, address: Address, timeout_s: float) -> None:
        """Connect.

        Raises:
            UnableToReach: nobody listens there.
            UnableToEnter: the server refused the handshake or the subprotocol.
        """
        connection = await self._handshake(address, timeout_s)
        if connection.subprotocol != address.subprotocol:
            await connection.close()
            msg = (
                f"{address.full_url} speaks {connection.subprotocol!r},"
                f" not {address.subprotocol}; is the charge point registered"
                " for this OCPP version?"
            )
            raise UnableToEnter(msg)
        self._wire = self._make_wire(connection)
        self._peer = self._make_peer(self._wire)
        self._reader = asyncio.create_task(self._read(self._peer))

    async def call(self, payload: Message) -> Message:
        """Send a CALL of the `ocpp` package and return its answer.

        Raises:
            LineDown: there is no line, or it ended before the answer.
            CallRefused: the answer is a CALLERROR.
            TimeoutError: no answer within the response timeout.
        """
        if self._peer is None or self._reader is None or self._reader.done():
            msg = "the line is down"
            raise LineDown(msg)
        task = asyncio.ensure_future(self._peer.call(payload, suppress=False))
        try:
            await asyncio.wait(
                {task, self._reader}, return_when=asyncio.FIRST_COMPLETED
            )
            if not task.done():
                msg = "the line went down before the answer"
                raise LineDown(msg)
            return task.result()
        except OCPPError as error:
            raise CallRefused(type(payload).__name__, error) from error
        finally:
            await _finish(task)

    async def close(self) -> None:
        """Close politely and wait for the end."""
        if self._wire is not None:
            await self._wire.close()
        await self._wait_for_reader()

    async def cut(self) -> None:
        """Lose the line without a close frame."""
        if self._wire is not None:
            self._wire.cut()
        await self._wait_for_reader()

    async def _wait_for_reader(self) -> None:
        if self._reader is not None:
            await asyncio.wait({self._reader}, timeout=CLOSE_TIMEOUT_S)
            await _finish(self._reader)

    async def _read(self, peer: Peer) -> None:
        try:
            with contextlib.suppress(LineDown):
                await peer.start()
        finally:
            asyncio.get_running_loop().call_soon(self._on_down)

    async def _handshake(self, address: Address, timeout_s: float) -> Connection:
        try:
            return await connect(
                address.full_url,
                subprotocols=[Subprotocol(address.subprotocol)],
                additional_headers=address.headers(),
                compression=None,
                proxy=None,
                open_timeout=timeout_s,
                close_timeout=CLOSE_TIMEOUT_S,
                ssl=self._tls(address.url),
            )
        except InvalidStatus as error:
            raise UnableToEnter(
                f"{address.full_url} refused the handshake with HTTP"
                f" {error.response.status_code}:"
                f" {HINTS.get(error.response.status_code, 'see the server log')}."
            ) from error
        except InvalidURI as error:
            raise UnableToReach(
                f"{address.full_url} is no ws(s):// address."
            ) from error
        except InvalidHandshake as error:
            raise UnableToEnter(
                f"{address.full_url} broke the handshake: {error}."
            ) from error
        except (OSError, TimeoutError) as error:
            raise UnableToReach(
                f"No OCPP server answers at {address.full_url} ({error!r});"
                " check the address and that the gateway runs."
            ) from error

    def _tls(self, url: str) -> ssl.SSLContext | None:
        if not url.startswith("wss:"):
            return None
        options = self._options
        context = ssl.create_default_context(cafile=options.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if options.client_cert_file:
            context.load_cert_chain(
                options.client_cert_file, options.client_key_file or None
            )
        return context


HINTS: Final = {
    401: "wrong or missing password",
    403: "this identity may not connect so",
    404: "no such charge point",
    429: "too many attempts, wait",
    503: "the server is full or draining",
}


async def _finish(task: asyncio.Future[Any]) -> None:
    """Cancel a task that still runs, and swallow how it ended."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
