"""The websocket of a charge point: frames go straight to the station.

``websockets`` keeps the protocol (handshake, framing, closing); only the way of a
message is shorter: no queue and no task switch between socket and RPC session.
"""

import logging
import ssl
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Event

from charge_points.gateway.handshake import Verdict

if TYPE_CHECKING:
    from charge_points.gateway.connection import Station

logger = logging.getLogger(__name__)

_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class StationSocket(ServerConnection):
    """One websocket; ``station`` is set when the handshake was accepted."""

    station: "Station | None" = None
    verdict: Verdict | None = None
    _fragments: list[bytes] | None = None

    def process_event(self, event: Event) -> None:
        """Take one frame, or the handshake request."""
        station = self.station
        if station is None:
            super().process_event(event)
            return
        if not isinstance(event, Frame):
            return
        try:
            if event.opcode in _DATA:
                self._data_received(station, event)
            else:
                station.on_life()
        except Exception:
            logger.exception("a frame of %s failed", station.peer.identity)
            self.abandon(CloseCode.INTERNAL_ERROR, "internal error")

    def _data_received(self, station: "Station", frame: Frame) -> None:
        data = frame.data if isinstance(frame.data, bytes) else bytes(frame.data)
        if frame.fin and self._fragments is None:
            station.on_message(data)
            return
        if self._fragments is None:
            self._fragments = []
        self._fragments.append(data)
        if len(self._fragments) > station.fragments_max:
            self._fragments = None
            self.abandon(CloseCode.POLICY_VIOLATION, "too many fragments")
        elif frame.fin:
            parts, self._fragments = self._fragments, None
            station.on_message(b"".join(parts))

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone, with or without a closing handshake."""
        super().connection_lost(exc)
        if self.station is not None:
            self.station.ended()

    @property
    def is_open(self) -> bool:
        """Whether a message could be sent now."""
        return self.protocol.state is OPEN

    @property
    def unsent_bytes(self) -> int:
        """What the peer has not taken yet."""
        return int(self.transport.get_write_buffer_size())

    def send_now(self, text: bytes) -> None:
        """Send a text frame without waiting; the caller watches ``unsent_bytes``."""
        self.protocol.send_text(text)
        self.send_data()

    def ping_now(self) -> None:
        """Send a ping; any frame of the peer is answer enough."""
        self.protocol.send_ping(b"")
        self.send_data()

    def close_soon(self, code: int, reason: str) -> None:
        """Begin the closing handshake; the socket goes when the peer is too slow."""
        if not self.is_open:
            return
        self.protocol.send_close(code, reason)
        self.send_data()
        self.loop.call_later(self.close_timeout or 0, self.transport.abort)

    def abandon(self, code: int, reason: str) -> None:
        """Close and do not wait for the peer; what is unsent may be lost."""
        if self.is_open:
            self.protocol.fail(code, reason)
            self.send_data()
        self.loop.call_later(self.close_timeout or 0, self.transport.abort)

    def hold_reading(self) -> None:
        """Let the peer wait: nothing more is read from the socket."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def forget_handshake(self) -> None:
        """Drop request and response: 2 KiB of headers that nobody reads again."""
        self.request = None
        self.response = None

    @property
    def is_tls(self) -> bool:
        """Whether the transport is encrypted by this process."""
        return self.transport.get_extra_info("ssl_object") is not None

    @property
    def client_certificate(self) -> dict[str, Any]:
        """The client's certificate, verified by the TLS layer; empty without one."""
        tls = self.transport.get_extra_info("ssl_object")
        if not isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
            return {}
        return dict(tls.getpeercert() or {})

    @property
    def remote_host(self) -> str:
        """The peer's address without port, as the socket says."""
        address = self.transport.get_extra_info("peername")
        return str(address[0]) if address else ""
