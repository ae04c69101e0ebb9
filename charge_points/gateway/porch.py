"""Before the websocket: PROXY header and TLS, with deadlines and limits by address.

The sockets are accepted here and not by the loop's server, so that a balancer's header
can be read before TLS begins, a new certificate counts for the next connection, and a
refused TLS handshake is known, counted and logged.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from charge_points.gateway import metrics
from charge_points.gateway.failures import FailureLimit
from charge_points.gateway.limits import Limits
from charge_points.gateway.proxies import (
    V1_BYTES_MAX,
    V2_BYTES_MAX,
    Origin,
    ProxyRules,
    UnableToReadProxyHeader,
    parse,
)
from charge_points.gateway.refused_certificates import RefusedCertificates
from charge_points.gateway.tls import TlsKeeper
from charge_points.gateway.witness import Witness

logger = logging.getLogger(__name__)

PEEK_BYTES: Final = max(V1_BYTES_MAX, V2_BYTES_MAX)
# Part of a PROXY header is there: how long until the socket is looked at again.
PEEK_PAUSE_S: Final = 0.02
# No file descriptors left: how long until the next try.
ACCEPT_PAUSE_S: Final = 0.1

ProtocolFactory = Callable[[Origin], asyncio.BaseProtocol]


@dataclass(frozen=True, slots=True)
class PorchRules:
    """``tls`` None: plain connections."""

    limits: Limits
    failures: FailureLimit
    proxies: ProxyRules
    tls: TlsKeeper | None
    refused: RefusedCertificates


class Porch(asyncio.AbstractServer):
    """Listening sockets whose connections are let in when PROXY and TLS are done."""

    def __init__(
        self,
        listening: Sequence[socket.socket],
        factory: ProtocolFactory,
        rules: PorchRules,
    ) -> None:
        """``listening`` do not block; ``factory`` makes the websocket."""
        self.sockets = tuple(listening)
        self._factory = factory
        self._rules = rules
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        self._by_host: Counter[str] = Counter()
        self._room = asyncio.Semaphore(rules.limits.entering_max)
        self._accepting = [
            self._loop.create_task(self._accept(held)) for held in self.sockets
        ]

    # ---- as asyncio.Server

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that this server belongs to."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether new connections are taken."""
        return bool(self._accepting)

    async def start_serving(self) -> None:
        """Nothing to do: it serves from the beginning."""

    async def serve_forever(self) -> None:
        """Serve until cancelled."""
        await asyncio.gather(*self._accepting)

    def close(self) -> None:
        """Take no more connections; those that are entering may go on."""
        for task in self._accepting:
            task.cancel()
        self._accepting = []
        for held in self.sockets:
            self._loop.remove_reader(held)
            held.close()
        self.sockets = ()

    async def wait_closed(self) -> None:
        """Until nobody is entering any more."""
        while self._entering:
            await asyncio.wait(set(self._entering))

    # ---- entering

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            # A full porch lets newcomers wait in the kernel's queue.
            await self._room.acquire()
            try:
                connection, address = await self._loop.sock_accept(listening)
            except OSError as error:
                self._room.release()
                logger.warning("no connection could be accepted: %s", error)
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            except asyncio.CancelledError:
                self._room.release()
                raise
            task = self._loop.create_task(self._enter(connection, str(address[0])))
            self._entering.add(task)
            task.add_done_callback(self._entered)

    def _entered(self, task: "asyncio.Task[None]") -> None:
        self._entering.discard(task)
        self._room.release()
        if not task.cancelled() and task.exception() is not None:
            logger.error("a connection failed at the porch", exc_info=task.exception())

    async def _enter(self, connection: socket.socket, host: str) -> None:
        connection.setblocking(False)  # noqa: FBT003 - the name of the standard library
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        origin = await self._origin(connection, host)
        if origin is None or not self._may_enter(origin):
            connection.close()
            return
        self._by_host[origin.host] += 1
        witness = self._witness_for(origin)
        try:
            await self._shake(connection, origin, witness)
        except ssl.SSLCertVerificationError as error:
            self._refused(origin, error.verify_message)
            leaf = b"" if witness is None else witness.leaf
            self._rules.refused.refused(origin.host, error.verify_message, leaf)
        except ssl.SSLError as error:
            self._refused(origin, error.reason or str(error))
        except ConnectionAbortedError:
            # What uvloop says of a handshake that took too long.
            self._refused(origin, "the handshake took too long")
        except OSError as error:
            # The peer went away: a health check, or a station that reconnects.
            logger.debug("TLS of %s ended: %s", origin.host, error)
        finally:
            if witness is not None:
                self._rules.refused.end()
            self._by_host[origin.host] -= 1
            if self._by_host[origin.host] <= 0:
                del self._by_host[origin.host]

    def _witness_for(self, origin: Origin) -> Witness | None:
        """Somebody who looks, where the last certificate was refused."""
        refused = self._rules.refused
        if self._rules.tls is None or not refused.is_suspect(origin.host):
            return None
        refused.begin()
        return Witness()

    async def _shake(
        self, connection: socket.socket, origin: Origin, witness: Witness | None
    ) -> None:
        """TLS, when there is any; the websocket is made by it."""
        limits, tls = self._rules.limits, self._rules.tls
        if tls is None:
            await self._loop.connect_accepted_socket(
                lambda: self._factory(origin), connection
            )
            return
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: self._factory(origin),
            connection,
            ssl=tls.context if witness is None else tls.watched_by(witness),
            ssl_handshake_timeout=limits.tls_handshake_s,
            ssl_shutdown_timeout=limits.close_timeout_s,
        )
        if witness is not None:
            # Nobody looks at what a charge point says once it is in.
            transport.get_extra_info("ssl_object").context = tls.context

    def _may_enter(self, origin: Origin) -> bool:
        """Whether the address has not too many handshakes, begun or failed."""
        limits = self._rules.limits
        if self._by_host[origin.host] >= limits.entering_per_address_max:
            metrics.TLS_REFUSALS.labels("too many at once").inc()
            return False
        # A blocked address learns so by HTTP where that costs nothing.
        blocked = self._rules.failures.is_blocked(origin.host, self._loop.time())
        if blocked and self._rules.tls is not None:
            metrics.TLS_REFUSALS.labels("blocked").inc()
            return False
        return True

    def _refused(self, origin: Origin, reason: str) -> None:
        """A client that cannot do TLS with us: no charge point is known by then."""
        self._rules.failures.note(origin.host, self._loop.time())
        words = reason.lower().replace("_", " ")
        metrics.TLS_REFUSALS.labels(words[:60]).inc()
        logger.info("TLS refused: %s, from %s", words, origin.host)

    async def _origin(self, connection: socket.socket, host: str) -> Origin | None:
        proxies = self._rules.proxies
        if not proxies.speaks_proxy_protocol or not proxies.is_balancer(host):
            return Origin(host)
        try:
            async with asyncio.timeout(self._rules.limits.tls_handshake_s):
                return await self._read_header(connection, host)
        except (UnableToReadProxyHeader, OSError) as error:
            # TimeoutError is an OSError.
            logger.warning("balancer %s sent no PROXY header: %r", host, error)
            return None

    async def _read_header(self, connection: socket.socket, host: str) -> Origin:
        """Look at the bytes without taking them, then take the header and no more."""
        while True:
            await self._readable(connection)
            data = connection.recv(PEEK_BYTES, socket.MSG_PEEK)
            header = parse(data) if data else None
            if not data:
                raise UnableToReadProxyHeader("the connection ended")
            if header is not None:
                break
            await asyncio.sleep(PEEK_PAUSE_S)
        connection.recv(header.length)
        return Origin(header.source or host, is_proxied=True)

    async def _readable(self, connection: socket.socket) -> None:
        ready = self._loop.create_future()
        self._loop.add_reader(connection, _resolve, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(connection)


def _resolve(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def open_sockets(host: str, port: int, *, backlog: int) -> list[socket.socket]:
    """Listening sockets of an address, shared with other processes of this machine."""
    found = []
    names = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, protocol, _, address in dict.fromkeys(names):
        held = socket.socket(family, kind, protocol)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held.bind(address)
        held.listen(backlog)
        held.setblocking(False)  # noqa: FBT003 - the name of the standard library
        found.append(held)
    return found
