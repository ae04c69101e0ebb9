"""WebSocket frames of a client, encoded ahead of time (RFC 6455).

Frames are masked with the key 0, which leaves the payload as it is: a frame can
be prepared once and only its changing bytes be written anew. A real client must
take an unpredictable key (10.3: it protects proxies); this one measures servers.
"""

import struct
from typing import Final

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
FINAL: Final = 0x80
MASKED: Final = 0x80
ZERO_KEY: Final = b"\0\0\0\0"
LENGTH_16: Final = 126
LENGTH_64: Final = 127

# The first byte of an unfragmented text frame.
TEXT_FRAME: Final = FINAL | TEXT


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one final frame with the zero masking key."""
    size = len(payload)
    if size < LENGTH_16:
        head = bytes((FINAL | opcode, MASKED | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", FINAL | opcode, MASKED | LENGTH_16, size)
    else:
        head = struct.pack("!BBQ", FINAL | opcode, MASKED | LENGTH_64, size)
    return head + ZERO_KEY + payload


class FrameError(Exception):
    """The server's bytes are no frames that a client may receive."""


class FrameReader:
    """Cuts the server's byte stream into frames."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._bytes = bytearray()

    def __len__(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._bytes)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the complete frames as (opcode, payload).

        Raises:
            FrameError: a masked or fragmented frame: this client takes neither.
        """
        self._bytes += data
        frames = []
        while (frame := self._cut()) is not None:
            frames.append(frame)
        return frames

    def _cut(self) -> tuple[int, bytes] | None:
        have = len(self._bytes)
        if have < 2:
            return None
        first, second = self._bytes[0], self._bytes[1]
        if second & MASKED or not first & FINAL:
            msg = f"masked or fragmented frame, first bytes {first:#x} {second:#x}"
            raise FrameError(msg)
        start, size = 2, second
        if second == LENGTH_16:
            start = 4
            size = int.from_bytes(self._bytes[2:4]) if have >= start else have
        elif second == LENGTH_64:
            start = 10
            size = int.from_bytes(self._bytes[2:10]) if have >= start else have
        if have < start + size:
            return None
        payload = bytes(self._bytes[start : start + size])
        del self._bytes[: start + size]
        return first & 0x0F, payload


class Template:
    """A prepared frame with slots of fixed width.

    A slot is a marker text that occurs once in the payload; what is put there
    must have the marker's length.
    """

    def __init__(self, text: str, **markers: str) -> None:
        """Encode the frame and find the slots."""
        self._frame = bytearray(client_frame(text.encode()))
        self._slots: dict[str, slice] = {}
        for name, marker in markers.items():
            at = self._frame.find(marker.encode())
            if at < 0 or self._frame.count(marker.encode()) != 1:
                msg = f"the marker {marker!r} must occur exactly once"
                raise ValueError(msg)
            self._slots[name] = slice(at, at + len(marker))

    def slot(self, name: str) -> slice:
        """Return where a slot lies in `frame`."""
        return self._slots[name]

    @property
    def frame(self) -> bytearray:
        """The frame's bytes, to be changed in place."""
        return self._frame
