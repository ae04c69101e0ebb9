"""One listener's server: from an accepted connection to an opened websocket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Final, cast

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import WebSocketException
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from charge_points.gateway.admission import Reception
from charge_points.gateway.limits import Limits
from charge_points.gateway.plan import Listener
from charge_points.gateway.porch import Porch, PorchRules, open_sockets
from charge_points.gateway.proxies import Origin
from charge_points.gateway.station_socket import StationSocket
from charge_points.ocpp.frames import HARD_LIMIT_BYTES

BACKLOG: Final = 4096

Live = Callable[[ServerConnection], Awaitable[None]]


async def listen(
    listener: Listener, reception: Reception, limits: Limits, live: Live
) -> Server:
    """Begin to listen; ``live`` is the life of an opened websocket."""
    return await _Listening(listener, reception, limits, live).server


class _Listening:
    """What ``websockets.serve`` does, with sockets that the porch lets in."""

    def __init__(
        self, listener: Listener, reception: Reception, limits: Limits, live: Live
    ) -> None:
        self._listener = listener
        self._reception = reception
        self._limits = limits
        self._live = live
        self.server = Server(self._create, self._handle, quiet_logger())

    async def _create(self) -> asyncio.Server:
        listener, proxies = self._listener, self._reception.proxies
        if listener.tls is None and not proxies.speaks_proxy_protocol:
            return await asyncio.get_running_loop().create_server(
                self._make,
                listener.host,
                listener.port,
                reuse_port=True,
                backlog=BACKLOG,
            )
        reception = self._reception
        rules = PorchRules(
            self._limits, reception.failures, proxies, listener.tls, reception.refused
        )
        sockets = open_sockets(listener.host, listener.port, backlog=BACKLOG)
        return cast("asyncio.Server", Porch(sockets, self._make, rules))

    def _make(self, origin: Origin | None = None) -> StationSocket:
        def choose(
            _protocol: ServerProtocol, offered: Sequence[Subprotocol]
        ) -> Subprotocol | None:
            return Reception.select_subprotocol(made[0], offered)

        protocol = ServerProtocol(
            select_subprotocol=choose,
            max_size=HARD_LIMIT_BYTES,
            logger=quiet_logger(),
        )
        connection = StationSocket(
            protocol,
            self.server,
            ping_interval=None,
            close_timeout=self._limits.close_timeout_s,
        )
        made = [connection]
        connection.origin = origin
        return connection

    async def _handle(self, connection: ServerConnection) -> None:
        """From the first byte to the last; nobody waits for it, so it says all."""
        try:
            async with asyncio.timeout(self._limits.open_timeout_s):
                await connection.handshake(
                    self._reception.process_request, server_header=None
                )
            if connection.protocol.state is OPEN:
                async with connection:
                    await self._live(connection)
        except (OSError, EOFError, WebSocketException) as error:
            # TimeoutError is an OSError.
            quiet_logger().debug("a connection ended early: %r", error)
        except Exception:  # noqa: BLE001 - a task without anybody who waits for it
            quiet_logger().exception("a connection failed")
        finally:
            if connection.protocol.state is not OPEN:
                connection.transport.abort()
            task = asyncio.current_task()
            self.server.handler_tasks.discard(cast("asyncio.Task[None]", task))


@cache
def quiet_logger() -> logging.Logger:
    """``websockets`` logs two lines per connection at INFO: too much at 10,000."""
    quiet = logging.getLogger("charge_points.gateway.websockets")
    quiet.setLevel(logging.WARNING)
    return quiet
