"""What people are told by mail: which event, whom, how urgent.

Texts are Django translations; their words are in ``services/texts.py``.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

OWNER: Final = "owner"
FINANCE: Final = "finance"
TECHNICIAN: Final = "technician"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notification.

    Args:
        name: stable; what people mute.
        topic: the event of the outbox.
        roles: members who get it; empty: the driver or guest of the event.
        urgent: does not wait for the end of quiet hours.
        when: field of the payload that must have one of these values.
        unless: a later event with the same key makes it pointless.
        after: so long that later event is waited for.
    """

    name: str
    topic: str
    roles: frozenset[str] = frozenset()
    urgent: bool = False
    when: tuple[str, frozenset[str]] | None = None
    unless: str = ""
    after: timedelta = timedelta(0)


_TECHNICAL: Final = frozenset({OWNER, TECHNICIAN})
_MONEY: Final = frozenset({OWNER, FINANCE})
OFFLINE_AFTER: Final = timedelta(minutes=10)
"""A charge point that comes back sooner is nobody's worry."""

KINDS: Final[tuple[Kind, ...]] = (
    Kind("charge_requested", "ChargeRequested", urgent=True),
    Kind("charge_started", "ChargeStarted"),
    Kind("charge_stopped", "ChargeStopped"),
    Kind("idle_fee_soon", "IdleFeeSoon", urgent=True),
    Kind("payment_failed", "PaymentFailed", urgent=True),
    Kind(
        "charge_point_offline",
        "ChargePointDisconnected",
        _TECHNICAL,
        unless="ChargePointConnected",
        after=OFFLINE_AFTER,
    ),
    Kind(
        "connector_faulted",
        "ConnectorStatusChanged",
        _TECHNICAL,
        when=("status", frozenset({"faulted", "Faulted"})),
    ),
    Kind("certificate_expiring", "StationCertificateExpiring", _TECHNICAL),
    Kind("security_event", "SecurityEventRaised", _TECHNICAL, urgent=True),
    Kind("payee_account_degraded", "PayeeAccountDegraded", _MONEY, urgent=True),
    Kind("payment_disputed", "PaymentDisputed", _MONEY, urgent=True),
    Kind("review_waiting", "TransactionEnded", _MONEY),
    Kind("correction_waiting", "CorrectionWaits", _MONEY),
)

BY_TOPIC: Final[dict[str, Kind]] = {kind.topic: kind for kind in KINDS}
DRIVER_KINDS: Final = tuple(kind.name for kind in KINDS if not kind.roles)
STAFF_KINDS: Final = tuple(kind.name for kind in KINDS if kind.roles)
