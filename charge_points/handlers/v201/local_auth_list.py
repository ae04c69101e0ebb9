"""OCPP 2.0.1, block D: local authorization list."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers import local_lists as common
from charge_points.handlers.registry import Payload, Route
from charge_points.ocpp.versions import V201
from charge_points.services import local_lists
from charge_points.services.id_tokens import token_key

TYPE_DEFAULT: Final = "ISO14443"
"""Of a token whose policy does not say what it is: most are RFID cards."""

TYPES: Final = frozenset(
    {
        "Central",
        "eMAID",
        "ISO14443",
        "ISO15693",
        "KeyCode",
        "Local",
        "MacAddress",
        "NoAuthorization",
    }
)


def type_of(word: str) -> str:
    """A word of ``IdTokenEnumType``."""
    return word if word in TYPES else TYPE_DEFAULT


def send_local_list(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """SendLocalList (D01)."""
    payload: Payload = {
        "versionNumber": arguments["version"],
        "updateType": arguments["kind"],
    }
    # An empty list is left out: the schema wants at least one entry.
    if arguments["entries"]:
        payload["localAuthorizationList"] = [
            _data(entry) for entry in arguments["entries"]
        ]
    return "SendLocalList", payload


def _data(entry: Mapping[str, Any]) -> Payload:
    """``AuthorizationData``; without info it removes the token."""
    token = {"idToken": entry["id_token"], "type": type_of(entry.get("type", ""))}
    data: Payload = {"idToken": token}
    if "status" in entry:
        info: Payload = {"status": entry["status"]}
        if entry.get("group"):
            info["groupIdToken"] = {"idToken": entry["group"], "type": "Central"}
        if entry.get("expires_at"):
            info["cacheExpiryDateTime"] = entry["expires_at"]
        data["idTokenInfo"] = info
    return data


def _entry(data: Mapping[str, Any]) -> dict[str, Any]:
    token = data["idToken"]
    entry: dict[str, Any] = {"id_token": token["idToken"], "type": token["type"]}
    info = data.get("idTokenInfo")
    if info is not None:
        entry["status"] = info["status"]
        entry["group"] = info.get("groupIdToken", {}).get("idToken", "")
        entry["expires_at"] = info.get("cacheExpiryDateTime")
    return entry


def _entries(sent: Payload) -> common.Entries:
    return {
        token_key(data["idToken"]["idToken"]): _entry(data)
        for data in sent.get("localAuthorizationList", ())
    }


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = common.outgoing(
    V201, "D", number="versionNumber", entries_of=_entries
)
INTENTS: Final = {
    local_lists.SEND: send_local_list,
    local_lists.ASK_VERSION: common.get_local_list_version,
}
