"""OCPP 2.0.1, block D: local authorization list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers.registry import Outgoing, Payload, Route, SentCommand
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


def get_local_list_version(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """GetLocalListVersion (D02)."""
    del arguments
    return "GetLocalListVersion", {}


def _entry(data: Mapping[str, Any]) -> dict[str, Any]:
    token = data["idToken"]
    entry: dict[str, Any] = {"id_token": token["idToken"], "type": token["type"]}
    info = data.get("idTokenInfo")
    if info is not None:
        entry["status"] = info["status"]
        entry["group"] = info.get("groupIdToken", {}).get("idToken", "")
        entry["expires_at"] = info.get("cacheExpiryDateTime")
    return entry


def on_sent(command: SentCommand, answer: Payload, at: datetime) -> None:
    """An accepted part is what the station has now, whoever sent it."""
    sent = command.payload
    local_lists.record_sent(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        version=sent["versionNumber"],
        full=sent["updateType"] == local_lists.FULL,
        entries={
            token_key(data["idToken"]["idToken"]): _entry(data)
            for data in sent.get("localAuthorizationList", ())
        },
        status=answer["status"],
        at=at,
    )


def on_version(command: SentCommand, answer: Payload, at: datetime) -> None:
    """The station's version decides whether its content is known."""
    local_lists.record_version(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        version=answer["versionNumber"],
        at=at,
    )


def on_error(command: SentCommand, code: str, description: str, at: datetime) -> None:
    """A station without lists is not asked again."""
    del description
    local_lists.record_failure(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        code=code,
        at=at,
    )


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = (
    Outgoing(
        V201,
        "GetLocalListVersion",
        "D",
        on_result=on_version,
        on_error=on_error,
        repeatable=True,
    ),
    Outgoing(
        V201,
        "SendLocalList",
        "D",
        on_result=on_sent,
        on_error=on_error,
        repeatable=True,
    ),
)
INTENTS: Final = {
    local_lists.SEND: send_local_list,
    local_lists.ASK_VERSION: get_local_list_version,
}
