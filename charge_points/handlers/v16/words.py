"""1.6 words to domain words and back. A connector n of 1.6 is EVSE n, connector 1."""

from typing import Any, Final

from charge_points.ocpp.timestamps import format_utc
from charge_points.services.facts import Authorization

STATUS: Final = {
    "Available": "available",
    "Preparing": "preparing",
    "Charging": "charging",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Finishing": "finishing",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
STATUSES_16: Final = frozenset(
    {"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"}
)
"""``AuthorizationStatus`` (7.3); what 2.0.1 says more of is Blocked here."""

NO_TRANSACTION: Final = frozenset({None, 0, -1})


def connector_of(connector_id: int) -> tuple[int, int]:
    """(EVSE, connector) of a 1.6 connector id; 0 is the station itself."""
    return (connector_id, 1 if connector_id else 0)


def transaction_id_of(value: int | None) -> str | None:
    """The domain's id; stations write 0, -1 or null when they have none."""
    return None if value in NO_TRANSACTION else str(value)


def id_tag_info(authorization: Authorization) -> dict[str, Any]:
    """``idTagInfo`` (1.6 7.27)."""
    status = authorization.status
    info: dict[str, Any] = {"status": status if status in STATUSES_16 else "Blocked"}
    if authorization.expires_at is not None:
        info["expiryDate"] = format_utc(authorization.expires_at)
    if authorization.group:
        info["parentIdTag"] = authorization.group
    return info
