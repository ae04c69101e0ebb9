"""``IdTokenInfoType`` of 2.0.1, which 1.6 speaks too where it does Plug & Charge."""

from typing import Any

from charge_points.ocpp.timestamps import format_utc
from charge_points.services.facts import Authorization


def id_token_info(authorization: Authorization) -> dict[str, Any]:
    """``IdTokenInfoType`` (part 2, appendix 2.29)."""
    info: dict[str, Any] = {"status": authorization.exact or authorization.status}
    if authorization.expires_at is not None:
        info["cacheExpiryDateTime"] = format_utc(authorization.expires_at)
    if authorization.group:
        info["groupIdToken"] = {"idToken": authorization.group, "type": "Central"}
    return info
