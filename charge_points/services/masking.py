"""Secrets have no place in logs: what is blotted out before a message is kept."""

import json
import re
from typing import Any, Final

MASK: Final = "***"
AUTOCHARGE_VENDOR: Final = "org.cpms.autocharge"

# Members of the certificate answer and of its revocation (design page 1.3).
_CERTIFICATE_MEMBERS: Final = frozenset({"certificate", "code", "uri"})
# A display message (2.0.1) that shows a certificate's address.
_SHOWN_MEMBERS: Final = frozenset({"content"})
CERTIFICATE_PATH: Final = "/c/"
# Configuration keys and variables that hold a password (1.6 security whitepaper,
# 2.0.1 SecurityCtrlr.BasicAuthPassword).
SECRET_VARIABLES: Final = frozenset({"authorizationkey", "basicauthpassword"})
_VALUE_MEMBERS: Final = frozenset({"value", "attributeValue"})
# SetNetworkProfile (2.0.1): of the mobile network and of the tunnel.
_NETWORK_MEMBERS: Final = frozenset({"apnPassword", "simPin", "password", "key"})
_NETWORK_KEYS: Final = ("apnAuthentication", "server")
# Addresses of files: whose holds ours holds the permission, others may hold a password.
_LOCATION_MEMBERS: Final = frozenset({"location", "remoteLocation"})
_USER_INFO: Final = re.compile(r"(?<=://)[^/@]*@")
_TRANSFER_TOKEN: Final = re.compile(r"(/transfer/(?:firmware|logs)/)[^/?#]+")
# Only these messages can carry a secret; all others are kept as they are.
_WITH_SECRETS: Final = frozenset(
    {
        "DataTransfer",
        "ChangeConfiguration",
        "SetVariables",
        "GetConfiguration",
        "GetVariables",
        "NotifyReport",
        "SetDisplayMessage",
        "SetNetworkProfile",
        "GetDiagnostics",
        "GetLog",
        "PublishFirmware",
        "SignedUpdateFirmware",
        "UpdateFirmware",
        "NotifyDisplayMessages",
    }
)

Json = Any  # JSON has no narrower type


def mask_text(action: str, text: str) -> str:
    """A message text of this action without secrets.

    A text that may hold a secret and is not JSON is not kept at all.
    """
    if action not in _WITH_SECRETS or not text:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return f"{MASK} ({len(text)} characters that are not JSON)"
    return json.dumps(mask(value), separators=(",", ":"), ensure_ascii=False)


def mask_payload(action: str, payload: Json) -> Json:
    """A payload of this action without secrets; the argument stays as it is."""
    return mask(payload) if action in _WITH_SECRETS else payload


def mask(value: Json, *, ours: bool = False) -> Json:
    """Blot out secrets at any depth, also in JSON inside of texts (1.6 ``data``)."""
    if isinstance(value, dict):
        return _mask_object(value, ours=ours)
    if isinstance(value, list):
        return [mask(inner, ours=ours) for inner in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        return json.dumps(mask(inner, ours=ours), separators=(",", ":"))
    return value


def _mask_object(value: dict[str, Json], *, ours: bool) -> dict[str, Json]:
    ours = ours or value.get("vendorId") == AUTOCHARGE_VENDOR
    hidden: frozenset[str] = frozenset()
    if ours or {"certificate", "code"} <= value.keys():
        hidden = _CERTIFICATE_MEMBERS
    elif _names_secret(value):
        hidden = _VALUE_MEMBERS
    elif any(key in value for key in _NETWORK_KEYS):
        hidden = _NETWORK_MEMBERS
    elif CERTIFICATE_PATH in str(value.get("content", "")):
        hidden = _SHOWN_MEMBERS
    masked = {
        key: MASK if key in hidden else _mask_member(key, inner, ours=ours)
        for key, inner in value.items()
    }
    if _names_secret(value) and isinstance(value.get("variableAttribute"), list):
        masked["variableAttribute"] = [
            {k: MASK if k == "value" else v for k, v in attribute.items()}
            for attribute in value["variableAttribute"]
            if isinstance(attribute, dict)
        ]
    return masked


def _mask_member(key: str, inner: Json, *, ours: bool) -> Json:
    if key in _LOCATION_MEMBERS and isinstance(inner, str):
        without = _USER_INFO.sub(f"{MASK}@", inner)
        return _TRANSFER_TOKEN.sub(rf"\g<1>{MASK}", without)
    return mask(inner, ours=ours)


def _names_secret(value: dict[str, Json]) -> bool:
    variable = value.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else value.get("key")
    return isinstance(name, str) and name.lower() in SECRET_VARIABLES
