"""2.0.1 words to domain words and back."""

from typing import Any, Final

from charge_points.ocpp.timestamps import format_utc
from charge_points.services.facts import Authorization, VariableFact

STATUS: Final = {
    "Available": "available",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}


def id_token_info(authorization: Authorization) -> dict[str, Any]:
    """``IdTokenInfoType`` (part 2, appendix 2.29)."""
    info: dict[str, Any] = {"status": authorization.exact or authorization.status}
    if authorization.expires_at is not None:
        info["cacheExpiryDateTime"] = format_utc(authorization.expires_at)
    if authorization.group:
        info["groupIdToken"] = {"idToken": authorization.group, "type": "Central"}
    return info


def variable_fact(
    entry: dict[str, Any], *, value: str | None, attribute: str = "Actual"
) -> VariableFact:
    """A component-variable pair with a value."""
    component, variable = entry["component"], entry["variable"]
    evse = component.get("evse", {})
    return VariableFact(
        variable=variable["name"],
        value=value,
        component=component["name"],
        component_instance=component.get("instance", ""),
        evse=evse.get("id", 0),
        connector=evse.get("connectorId", 0),
        variable_instance=variable.get("instance", ""),
        attribute=attribute,
    )
