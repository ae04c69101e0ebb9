"""OCPP 2.0.1, block L: firmware (L01, L02) and local controllers (L03, L04)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers import firmware as common
from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    Route,
    SentCommand,
)
from charge_points.ocpp.versions import V201
from charge_points.services import firmware, firmware_publications
from charge_points.services.firmware_publications import Published


def update_firmware(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """UpdateFirmware (L01 signed, L02 not)."""
    return "UpdateFirmware", common.signed_payload(arguments)


def on_published(command: SentCommand, answer: Payload, at: datetime) -> None:
    """PublishFirmware (L03)."""
    sent = command.payload
    firmware_publications.record_answer(
        asked=Published(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            command_id=command.command_id,
            request_id=sent["requestId"],
            checksum=sent["checksum"],
            location=sent["location"],
        ),
        status=answer["status"],
        at=at,
    )


def on_unpublished(command: SentCommand, answer: Payload, at: datetime) -> None:
    """UnpublishFirmware (L04)."""
    firmware_publications.record_unpublished(
        charge_point_id=command.charge_point_id,
        checksum=command.payload["checksum"],
        status=answer["status"],
        at=at,
    )


def publish_status_notification(request: Request) -> Answer:
    """PublishFirmwareStatusNotification (L03): a step of a publication."""
    sent = request.payload
    if sent["status"] != firmware.IDLE:
        firmware_publications.record_status(
            charge_point_id=request.peer.charge_point_id,
            request_id=sent.get("requestId"),
            status=sent["status"],
            addresses=sent.get("location", ()),
            at=request.received_at,
        )
    return {}


ROUTES: Final = (
    Route(V201, "FirmwareStatusNotification", common.status_notification, "one", "L"),
    Route(
        V201,
        "PublishFirmwareStatusNotification",
        publish_status_notification,
        "one",
        "L",
    ),
)
# Not repeatable: a second CALL would begin the download anew.
OUTGOING: Final = (
    Outgoing(V201, "PublishFirmware", "L", on_published),
    Outgoing(V201, "UnpublishFirmware", "L", on_unpublished, repeatable=True),
    Outgoing(V201, "UpdateFirmware", "L", common.on_answer, common.on_error),
)
INTENTS: Final = {firmware.UPDATE: update_firmware}
