"""2.0.1 words to domain words and back."""

from typing import Any, Final

from charge_points.handlers.token_words import id_token_info
from charge_points.services.facts import VariableFact

__all__ = ["STATUS", "id_token_info", "variable_fact"]

STATUS: Final = {
    "Available": "available",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}


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
