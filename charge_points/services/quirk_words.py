"""What the quirks mean that are counted outside of the codec.

Those of messages stand in ``charge_points.ocpp.quirk_names``.
"""

from typing import Final

WORDS: Final[dict[str, str]] = {
    # Handshake and connection
    "handshake_no_subprotocol": "no subprotocol asked for: taken as OCPP 1.6",
    "handshake_several_subprotocols": "several subprotocols: the first known one",
    "handshake_no_upgrade": "Connection header without Upgrade: let in all the same",
    "ping_unanswered": "pings are never answered: its messages show that it lives",
    "refused_call": "a message that no tolerance explains: answered with CALLERROR",
    # Tokens and transactions
    "unknown_token": "a token that nobody knows: answered Invalid",
    "stop_without_start": "a stop for no known transaction: answered well, kept here",
    "repeated_stop_differs": "a second stop that says something else: the first counts",
    "repeated_event_differs": "a sequence number twice with other content: both kept",
    "seq_no_gap": "a sequence number left out: events are on their way, or lost",
    "event_after_end": "an event after Ended: kept, the end stands",
    # Certificates
    "csr_no_subject": "a signing request without subject: the station's name is taken",
    "csr_line_ends": "a signing request with CRLF or without line ends: understood",
}
