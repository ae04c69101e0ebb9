"""The OCPP versions this room speaks, by the names that the rest of CPMS uses."""

from typing import Final

V16: Final = "1.6"
V201: Final = "2.0.1"

VERSIONS: Final = (V16, V201)

# OCPP-J: the value of the Sec-WebSocket-Protocol header, preferred one first.
VERSION_BY_SUBPROTOCOL: Final = {"ocpp2.0.1": V201, "ocpp1.6": V16}
