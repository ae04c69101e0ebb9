"""What a client sends in a TLS handshake that comes to nothing (ADR 14)."""

import ssl
from typing import Final

# RFC 5246 7.4 and RFC 8446 4: handshake type Certificate, and the sizes before it.
_HANDSHAKE: Final = 22
_CERTIFICATE: Final = 11
_HEAD_BYTES: Final = 4
_LENGTH_BYTES: Final = 3


def leaf_of(message: bytes, *, is_tls_1_3: bool) -> bytes:
    """The first certificate (DER) of a Certificate message; empty when it has none.

    RFC 5246 7.4.2; RFC 8446 4.4.2 puts a request context before the list.
    """
    start = _HEAD_BYTES
    if is_tls_1_3:
        start += 1 + (message[start] if len(message) > start else 0)
    start += _LENGTH_BYTES
    begin = start + _LENGTH_BYTES
    length = int.from_bytes(message[start:begin], "big")
    return message[begin : begin + length]


class Witness:
    """Remembers the leaf that the client of one handshake sends; never raises."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self.leaf = b""

    def __call__(
        self,
        _connection: object,
        direction: str,
        version: int,
        content_type: int,
        message_type: int,
        data: bytes,
    ) -> None:
        """Take one message of the handshake."""
        is_handshake = content_type == _HANDSHAKE and message_type == _CERTIFICATE
        if direction == "read" and is_handshake and not self.leaf:
            self.leaf = leaf_of(data, is_tls_1_3=version == ssl.TLSVersion.TLSv1_3)


def watch(context: ssl.SSLContext, witness: Witness) -> bool:
    """Let a context of its own show what the client sends; False where it cannot.

    CPython has the callback since 3.8, under a name that is not promised.
    """
    if not hasattr(context, "_msg_callback"):
        return False
    context._msg_callback = witness  # noqa: SLF001 - see ADR 14
    return True
