"""OCPP 1.6, profile LocalAuthListManagement (5.10, 5.15)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers.registry import Outgoing, Payload, Route, SentCommand
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


def get_local_list_version(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """GetLocalListVersion (5.10)."""
    del arguments
    return "GetLocalListVersion", {}


def _entry(data: Mapping[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"id_token": data["idTag"], "type": ""}
    info = data.get("idTagInfo")
    if info is not None:
        entry["status"] = info["status"]
        entry["group"] = info.get("parentIdTag", "")
        entry["expires_at"] = info.get("expiryDate")
    return entry


def on_sent(command: SentCommand, answer: Payload, at: datetime) -> None:
    """An accepted part is what the station has now, whoever sent it."""
    sent = command.payload
    local_lists.record_sent(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        version=sent["listVersion"],
        full=sent["updateType"] == local_lists.FULL,
        entries={
            token_key(data["idTag"]): _entry(data)
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
        version=answer["listVersion"],
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
        V16,
        "GetLocalListVersion",
        PROFILE,
        on_result=on_version,
        on_error=on_error,
        repeatable=True,
    ),
    Outgoing(
        V16,
        "SendLocalList",
        PROFILE,
        on_result=on_sent,
        on_error=on_error,
        repeatable=True,
    ),
)
INTENTS: Final = {
    local_lists.SEND: send_local_list,
    local_lists.ASK_VERSION: get_local_list_version,
}
