"""Taking secrets out of a message's text before it is stored or shown.

What is secret: passwords of charging stations (``AuthorizationKey`` and its like set
by ChangeConfiguration or SetVariables, and the same when a station reports them),
passwords of network profiles, charging certificates and their codes, and passwords or
tokens in the addresses of uploads and downloads. Everything else stays as it was.

The usual message pays for a handful of substring searches only.
"""

import re
from collections.abc import Iterable
from typing import Final

import orjson

from charge_points.ocpp.json_types import Json
from charge_points.ocpp.wire_text import is_deep

MASK: Final = "***"

# A message that hints at a secret but cannot be parsed is not stored at all.
WITHHELD: Final = "[withheld: unreadable message that may hold a secret]"

AUTOCHARGE_VENDOR: Final = "org.cpms.autocharge"

# Texts of which one stands in every message that can hold a structured secret.
_HINTS: Final = (
    "ChangeConfiguration",
    "configurationKey",
    "ariable",
    "etworkProfile",
    AUTOCHARGE_VENDOR,
    '"data"',
)

_ADDRESS_HINT: Final = "://"
_ESCAPED_ADDRESS_HINT: Final = ":\\/\\/"

# Configuration keys and variables whose value is a password, without case.
_SECRET_KEYS: Final = frozenset(
    {
        "authorizationkey",
        "basicauthpassword",
        "password",
        "apnpassword",
        "vpnpassword",
        "vpnkey",
        "wifipassword",
        "presharedkey",
    }
)

# Where a message that names a variable puts its value (2.0.1).
_VARIABLE_VALUES: Final = frozenset({"attributeValue", "actualValue", "value"})

# Fields of a network profile: (object, field); the object is "" where any will do.
_PROFILE_FIELDS: Final = frozenset(
    {("", "apnPassword"), ("vpn", "password"), ("vpn", "key")}
)

# Fields of our DataTransfer: each lets its holder charge.
_CERTIFICATE_FIELDS: Final = frozenset({"certificate", "code", "uri"})

# The bulk of the traffic, told by its head; none of these has a secret field.
_PLAIN: Final = re.compile(
    r'\[2,"[^"]{1,64}","'
    r'(?:MeterValues|TransactionEvent|Heartbeat|StatusNotification)",'
)

# What makes a broken message suspicious.
_SUSPICIOUS: Final = re.compile(
    "|".join([*_SECRET_KEYS, re.escape(AUTOCHARGE_VENDOR), "certificate"]),
    re.IGNORECASE,
)

_CALL_RESULT: Final = 3

# user:password@ in an address; the password may itself hold an @.
_USER_INFO: Final = re.compile(r"(:(?://|\\/\\/)[^\s\"/\\:@]*):[^\s\"/\\]*@")
_QUERY_SECRET: Final = re.compile(
    r"([?&](?:token|access_token|signature|sig|password|pwd|key|secret)=)[^&\s\"\\#]+",
    re.IGNORECASE,
)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with every known secret replaced by ``***``.

    Args:
        text: One OCPP-J message as it went over the wire; may be broken.
        secrets: Further literal secrets of this connection.

    Returns:
        The text itself where nothing is secret. Otherwise still JSON when it was
        JSON; a message that cannot be parsed and hints at a secret is withheld whole.
        U+0000, which no database text can hold, becomes U+FFFD.
    """
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if _PLAIN.match(text) is None:
        text = _mask_fields(text)
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text


def _mask_fields(text: str) -> str:
    if any(hint in text for hint in _HINTS):
        text = _mask_message(text)
    if _ADDRESS_HINT in text or _ESCAPED_ADDRESS_HINT in text:
        text = _USER_INFO.sub(rf"\1:{MASK}@", text)
        text = _QUERY_SECRET.sub(rf"\1{MASK}", text)
    return text


def _mask_message(text: str) -> str:
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return WITHHELD if _SUSPICIOUS.search(text) else text
    if not isinstance(frame, list):
        frame = [frame]
    if is_deep(frame):
        return WITHHELD
    masker = _Masker(is_result=bool(frame) and frame[0] == _CALL_RESULT)
    masker.walk("", frame)
    return orjson.dumps(frame).decode() if masker.found else text


class _Masker:
    """One walk through one message; masks in place."""

    def __init__(self, *, is_result: bool) -> None:
        self.found = False
        self._is_result = is_result

    def walk(self, name: str, node: Json) -> None:
        """Mask in `node`, which stands under `name`."""
        if isinstance(node, list):
            for item in node:
                self.walk(name, item)
        if isinstance(node, dict):
            self._mask_object(name, node)
            for key, child in node.items():
                self.walk(key, child)

    def _mask_object(self, name: str, node: dict[str, Json]) -> None:
        if _is_secret_key(node.get("key")):
            self._mask(node, "value")
        variable = node.get("variable")
        if isinstance(variable, dict) and _is_secret_key(variable.get("name")):
            self._mask_variable(node)
        for holder, field in _PROFILE_FIELDS:
            if holder in {"", name}:
                self._mask(node, field)
        self._mask_transfer(node)

    def _mask_variable(self, node: dict[str, Json]) -> None:
        attributes = node.get("variableAttribute")
        holders = attributes if isinstance(attributes, list) else []
        for holder in [node, *holders]:
            for field in _VARIABLE_VALUES:
                if isinstance(holder, dict):
                    self._mask(holder, field)

    def _mask_transfer(self, node: dict[str, Json]) -> None:
        """Mask what our DataTransfer carries; 1.6 has it as JSON inside a text."""
        is_ours = str(node.get("vendorId", "")).lower() == AUTOCHARGE_VENDOR
        if not is_ours and not self._is_result:
            return
        data = node.get("data")
        if isinstance(data, dict):
            self._mask_certificate(data)
        elif isinstance(data, str):
            inner = _parsed_object(data)
            if inner is not None and self._mask_certificate(inner):
                node["data"] = orjson.dumps(inner).decode()
            elif inner is None and is_ours:
                self._mask(node, "data")

    def _mask_certificate(self, data: dict[str, Json]) -> bool:
        masked = [self._mask(data, field) for field in _CERTIFICATE_FIELDS]
        return any(masked)

    def _mask(self, node: dict[str, Json], field: str) -> bool:
        if node.get(field) in (None, ""):
            return False
        node[field] = MASK
        self.found = True
        return True


def _is_secret_key(name: Json) -> bool:
    return isinstance(name, str) and name.strip().lower() in _SECRET_KEYS


def _parsed_object(text: str) -> dict[str, Json] | None:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None
