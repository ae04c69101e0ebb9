"""1.6: how a station is told its password and its security profile (whitepaper)."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers.registry import Payload
from cpms.accounts.services.sealing import unseal


def _set_password(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    value = unseal(arguments["sealed_password"])
    return "ChangeConfiguration", {"key": "AuthorizationKey", "value": value}


def _set_security_profile(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    value = str(arguments["security_profile"])
    return "ChangeConfiguration", {"key": "SecurityProfile", "value": value}


INTENTS: Final = {
    "set_password": _set_password,
    "set_security_profile": _set_security_profile,
}
