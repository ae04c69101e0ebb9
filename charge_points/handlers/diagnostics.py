"""Log messages, as far as they are the same in both versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from charge_points.handlers.firmware import retrying
from charge_points.handlers.registry import Answer, Payload, Request, SentCommand
from charge_points.services import diagnostics, transfers


def location(arguments: Mapping[str, Any]) -> str:
    """Where the station leaves the file: our endpoint gets its address now.

    The address is not kept in the row, since who has it may write there.
    """
    given = arguments.get("location")
    if given:
        return str(given)
    return transfers.upload_address(
        operator_id=arguments["operator_id"], upload_id=arguments["upload_id"]
    )


def get_log(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """GetLog (2.0.1 N01, 1.6 security whitepaper)."""
    log = {
        "remoteLocation": location(arguments),
        "oldestTimestamp": arguments.get("oldest_at"),
        "latestTimestamp": arguments.get("latest_at"),
    }
    return "GetLog", {
        "log": {name: value for name, value in log.items() if value},
        "logType": arguments["kind"],
        "requestId": arguments["request_id"],
        **retrying(arguments),
    }


def asked(command: SentCommand) -> diagnostics.Asked:
    """What went out, in either message's words."""
    sent = command.payload
    return diagnostics.Asked(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        command_id=command.command_id,
        request_id=sent.get("requestId", command.arguments.get("request_id")),
        kind=sent.get("logType", diagnostics.DIAGNOSTICS),
        location=sent.get("location") or sent["log"]["remoteLocation"],
    )


def on_log(command: SentCommand, answer: Payload, at: datetime) -> None:
    """GetLog was answered."""
    diagnostics.record_answer(
        asked=asked(command),
        status=answer["status"],
        file_name=answer.get("filename", ""),
        at=at,
    )


def on_error(command: SentCommand, code: str, description: str, at: datetime) -> None:
    """The request's row says why nothing will come."""
    del description
    diagnostics.record_failure(asked=asked(command), code=code, at=at)


def log_status_notification(request: Request) -> Answer:
    """LogStatusNotification: a step of an upload."""
    diagnostics.record_status(
        charge_point_id=request.peer.charge_point_id,
        request_id=request.payload.get("requestId"),
        status=request.payload["status"],
        at=request.received_at,
    )
    return {}
