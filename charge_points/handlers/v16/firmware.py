"""OCPP 1.6, profile FirmwareManagement, and signed updates of the whitepaper."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers import firmware as common
from charge_points.handlers.registry import Outgoing, Payload, Route
from charge_points.ocpp.versions import V16
from charge_points.services import firmware

PROFILE: Final = "FirmwareManagement"
SECURITY: Final = "Security"


def update_firmware(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """SignedUpdateFirmware where the file is signed, else UpdateFirmware."""
    if arguments.get("signature"):
        return "SignedUpdateFirmware", common.signed_payload(arguments)
    return "UpdateFirmware", {
        "location": common.location(arguments),
        "retrieveDate": arguments["retrieve_at"],
        **common.retrying(arguments),
    }


ROUTES: Final = (
    Route(
        V16, "FirmwareStatusNotification", common.status_notification, "one", PROFILE
    ),
    Route(
        V16,
        "SignedFirmwareStatusNotification",
        common.status_notification,
        "one",
        SECURITY,
    ),
)
# Not repeatable: a second CALL would begin the download anew.
OUTGOING: Final = (
    Outgoing(V16, "UpdateFirmware", PROFILE, common.on_answer, common.on_error),
    Outgoing(V16, "SignedUpdateFirmware", SECURITY, common.on_answer, common.on_error),
)
INTENTS: Final = {firmware.UPDATE: update_firmware}
