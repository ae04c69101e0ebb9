"""What may pass between a station that is not accepted and the platform.

2.0.1: B02.FR.09 (Pending) and B03.FR.07 (Rejected) want SecurityError for whatever is
no BootNotification; a pending station may answer what it was asked for
(TriggerMessage, GetBaseReport, GetReport). Nothing is sent to a rejected one
(B03.FR.03). 1.6 chapter 4.2 says the same of both, but names no error: the same one is
taken, and Heartbeats of a pending station do no harm.
"""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers.registry import (
    REGISTRATION_ACCEPTED,
    REGISTRATION_REJECTED,
    Peer,
    Refusal,
    Route,
    VersionTables,
)
from charge_points.ocpp.errors import Fault, code_for

BOOT: Final = "BootNotification"
NOTHING: Final[frozenset[str]] = frozenset()
_TRIGGERS: Final = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
# Certificates are triggered by their purpose, all else by the message's own name.
_BY_PURPOSE: Final = "Sign"
_SIGN: Final = "SignCertificate"


def refusal(route: Route, peer: Peer, triggered: frozenset[str]) -> Refusal | None:
    """Why a CALL of a station is not taken now; None when it is.

    Args:
        route: of the action.
        peer: with the registration as the station was last told.
        triggered: actions that this connection was asked for.
    """
    if peer.registration == REGISTRATION_ACCEPTED or route.action == BOOT:
        return None
    if peer.registration != REGISTRATION_REJECTED and (
        not route.needs_registration or route.action in triggered
    ):
        return None
    return Refusal(
        code_for(peer.version, Fault.SECURITY),
        f"BootNotification was answered {peer.registration}, so {route.action} is "
        "not taken",
    )


def triggered_by(action: str, payload: Mapping[str, Any]) -> frozenset[str]:
    """The action that a CALL of ours makes the station send; empty for most."""
    if action not in _TRIGGERS:
        return NOTHING
    asked = str(payload.get("requestedMessage", ""))
    return frozenset({_SIGN if asked.startswith(_BY_PURPOSE) else asked})


def may_be_sent(tables: VersionTables) -> frozenset[str]:
    """The actions that a pending station of a version may be sent."""
    return frozenset(
        action for action, out in tables.outgoing.items() if out.while_pending
    )
