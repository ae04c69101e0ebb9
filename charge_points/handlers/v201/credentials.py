"""2.0.1: how a station is told its password (A01)."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers.registry import Payload
from cpms.accounts.services.sealing import unseal


def _set_password(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    data = {
        "attributeValue": unseal(arguments["sealed_password"]),
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }
    return "SetVariables", {"setVariableData": [data]}


INTENTS: Final = {"set_password": _set_password}
