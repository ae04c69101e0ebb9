"""Firmware messages, as far as they are the same in both versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from charge_points.handlers.registry import (
    Answer,
    Payload,
    Request,
    SentCommand,
)
from charge_points.handlers.schedules import instant
from charge_points.services import firmware, transfers


def location(arguments: Mapping[str, Any]) -> str:
    """Where the station fetches the file: an own one gets its address when it leaves.

    The address is not kept in the row, since who has it has the file.
    """
    if arguments.get("firmware_id") is None:
        return str(arguments["location"])
    return transfers.firmware_address(
        operator_id=arguments["operator_id"],
        firmware_id=arguments["firmware_id"],
        until=datetime.fromisoformat(arguments["link_until"]),
    )


def retrying(arguments: Mapping[str, Any]) -> Payload:
    """``retries`` and ``retryInterval`` where they are given."""
    payload = {
        "retries": arguments.get("retries"),
        "retryInterval": arguments.get("retry_interval_s"),
    }
    return {name: value for name, value in payload.items() if value is not None}


def signed_payload(arguments: Mapping[str, Any]) -> Payload:
    """UpdateFirmware of 2.0.1, SignedUpdateFirmware of 1.6: they are the same."""
    file = {
        "location": location(arguments),
        "retrieveDateTime": arguments["retrieve_at"],
        "installDateTime": arguments.get("install_at"),
        "signingCertificate": arguments.get("signing_certificate"),
        "signature": arguments.get("signature"),
    }
    return {
        "requestId": arguments["request_id"],
        "firmware": {name: value for name, value in file.items() if value},
        **retrying(arguments),
    }


def asked(command: SentCommand) -> firmware.Asked:
    """What went out, in either version's words."""
    sent = command.payload
    file = sent.get("firmware", sent)
    retrieve_at = file.get("retrieveDateTime", file.get("retrieveDate"))
    return firmware.Asked(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        command_id=command.command_id,
        request_id=sent.get("requestId", command.arguments.get("request_id")),
        location=file["location"],
        is_signed="signature" in file,
        retrieve_at=instant(retrieve_at),
        install_at=instant(file.get("installDateTime")),
    )


def on_answer(command: SentCommand, answer: Payload, at: datetime) -> None:
    """The update's row follows the answer; 1.6 without signature always agrees."""
    firmware.record_answer(
        asked=asked(command), status=answer.get("status", "Accepted"), at=at
    )


def on_error(command: SentCommand, code: str, description: str, at: datetime) -> None:
    """The update's row says why nothing will happen."""
    del description
    firmware.record_failure(asked=asked(command), code=code, at=at)


def status_notification(request: Request) -> Answer:
    """A step of an update, by its request id where the version has one."""
    firmware.record_status(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        request_id=request.payload.get("requestId"),
        status=request.payload["status"],
        at=request.received_at,
    )
    return {}
