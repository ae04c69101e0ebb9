"""OCPP 1.6, profile LocalAuthListManagement (5.10, 5.15)."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers import local_lists as common
from charge_points.handlers.registry import Payload, Route
from charge_points.ocpp.versions import V16
from charge_points.services import local_lists
from charge_points.services.id_tokens import token_key

PROFILE: Final = "LocalAuthListManagement"


def send_local_list(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """SendLocalList (5.15)."""
    return "SendLocalList", {
        "listVersion": arguments["version"],
        "updateType": arguments["kind"],
        "localAuthorizationList": [_data(entry) for entry in arguments["entries"]],
    }


def _data(entry: Mapping[str, Any]) -> Payload:
    """``AuthorizationData`` (7.2); without info it removes the tag."""
    data: Payload = {"idTag": entry["id_token"]}
    if "status" in entry:
        info = {"status": entry["status"]}
        if entry.get("group"):
            info["parentIdTag"] = entry["group"]
        if entry.get("expires_at"):
            info["expiryDate"] = entry["expires_at"]
        data["idTagInfo"] = info
    return data


def _entry(data: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"id_token": data["idTag"], "type": ""}
    info = data.get("idTagInfo")
    if info is not None:
        entry["status"] = info["status"]
        entry["group"] = info.get("parentIdTag", "")
        entry["expires_at"] = info.get("expiryDate")
    return entry


def _entries(sent: Payload) -> common.Entries:
    return {
        token_key(data["idTag"]): _entry(data)
        for data in sent.get("localAuthorizationList", ())
    }


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = common.outgoing(
    V16, PROFILE, number="listVersion", entries_of=_entries
)
INTENTS: Final = {
    local_lists.SEND: send_local_list,
    local_lists.ASK_VERSION: common.get_local_list_version,
}
