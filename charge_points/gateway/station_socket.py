"""The websocket of a charge point: frames go straight to the station.

``websockets`` keeps the protocol (handshake, framing, closing); only the way of a
message is shorter: no queue and no task switch between socket and RPC session.
"""

import logging
import ssl
from typing import TYPE_CHECKING, Final

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Event

from charge_points.gateway.handshake import Verdict
from charge_points.gateway.proxies import Origin

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled extension
    from websockets.utils import apply_mask

if TYPE_CHECKING:
    from charge_points.gateway.connection import Station

logger = logging.getLogger(__name__)

_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})

# RFC 6455, 5.2.
_FINAL_TEXT: Final = 0x81
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LENGTH_IN_16_BITS: Final = 126
_LENGTH_16_MAX: Final = 0xFFFF
_HEAD_16: Final = bytes((_FINAL_TEXT, 126))
_HEAD_64: Final = bytes((_FINAL_TEXT, 127))
_SMALLEST_FRAME_BYTES: Final = 6


class StationSocket(ServerConnection):
    """One websocket; ``station`` is set when the handshake was accepted."""

    station: "Station | None" = None
    verdict: Verdict | None = None
    # Who connects, when the porch was asked to find out.
    origin: Origin | None = None
    # Of the client certificate that let it in: number (hexadecimal), issuer (DER).
    certificate_serial: str = ""
    certificate_issuer: bytes = b""
    _fragments: list[bytes] | None = None

    def data_received(self, data: bytes) -> None:
        """Take bytes; one whole text frame, the common case, goes the short way.

        Everything else (control frames, fragments, several frames or a part of one,
        whatever breaks the protocol) is for the protocol of ``websockets``.
        """
        text = self._whole_text(data)
        if text is None:
            super().data_received(data)
        else:
            self._message_received(text)

    def _whole_text(self, data: bytes) -> bytes | None:
        """The text, when ``data`` is exactly one final, masked text frame."""
        protocol = self.protocol
        if (
            len(data) < _SMALLEST_FRAME_BYTES
            or data[0] != _FINAL_TEXT
            or self.station is None
            or protocol.state is not OPEN
            or protocol.reader.buffer
            or protocol.current_size is not None
        ):
            return None
        length = data[1] - _MASKED
        start = 2
        if length == _LENGTH_IN_16_BITS:
            length = int.from_bytes(data[2:4], "big")
            start = 4
        # Also false for unmasked frames and for lengths in 64 bits.
        if not 0 <= length == len(data) - start - _MASK_BYTES:
            return None
        begin = start + _MASK_BYTES
        return apply_mask(data[begin:], data[start:begin])

    def _message_received(self, text: bytes) -> None:
        station = self.station
        assert station is not None
        try:
            station.on_message(text)
        except Exception:
            logger.exception("a frame of %s failed", station.peer.identity)
            self.abandon(CloseCode.INTERNAL_ERROR, "internal error")

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
        """Send a text frame without waiting; the caller watches ``unsent_bytes``.

        The frame is written here: a server's final text frame is a head and the text
        (RFC 6455, 5.2), and no extension is ever negotiated.
        """
        length = len(text)
        if length < _LENGTH_IN_16_BITS:
            head = bytes((_FINAL_TEXT, length))
        elif length <= _LENGTH_16_MAX:
            head = _HEAD_16 + length.to_bytes(2, "big")
        else:
            head = _HEAD_64 + length.to_bytes(8, "big")
        self.transport.write(head + text)

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
    def client_certificate(self) -> bytes | None:
        """The client's certificate (DER), verified by the TLS layer; or None."""
        tls = self.transport.get_extra_info("ssl_object")
        if not isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
            return None
        return tls.getpeercert(binary_form=True)

    @property
    def remote_host(self) -> str:
        """The peer's address without port, as the socket or a balancer says."""
        if self.origin is not None:
            return self.origin.host
        address = self.transport.get_extra_info("peername")
        return str(address[0]) if address else ""
