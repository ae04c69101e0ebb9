"""OCPP 2.0.1, block O: display messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    Route,
    SentCommand,
)
from charge_points.handlers.schedules import instant
from charge_points.ocpp.versions import V201
from charge_points.services import display_messages
from charge_points.services.display_messages import MessageFact


def _fact(sent: Mapping[str, Any]) -> MessageFact:
    """``MessageInfoType``."""
    content = sent["message"]
    return MessageFact(
        message_id=sent["id"],
        priority=sent["priority"],
        format=content["format"],
        content=content["content"],
        language=content.get("language", ""),
        shown_in=sent.get("state", ""),
        transaction_id=sent.get("transactionId", ""),
        starts_at=instant(sent.get("startDateTime")),
        ends_at=instant(sent.get("endDateTime")),
    )


def on_set(command: SentCommand, answer: Payload, at: datetime) -> None:
    """An accepted message is on the station's list (O01, O02, O06)."""
    if answer["status"] == "Accepted":
        display_messages.record_set(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            fact=_fact(command.payload["message"]),
            at=at,
        )


def on_cleared(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, or Unknown: it is not there any more (O05)."""
    del answer
    display_messages.record_cleared(
        charge_point_id=command.charge_point_id,
        message_id=command.payload["id"],
        at=at,
    )


def on_asked(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Unknown: there is no such message; Accepted is followed by the list (O03)."""
    if answer["status"] != "Unknown":
        return
    asked = command.payload
    display_messages.record_none(
        charge_point_id=command.charge_point_id,
        criteria={
            "ids": asked.get("id"),
            "priority": asked.get("priority"),
            "shown_in": asked.get("state"),
        },
        at=at,
    )


def notify_display_messages(request: Request) -> Answer:
    """NotifyDisplayMessages (O03): a part of the list."""
    display_messages.record_reported(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        facts=[_fact(one) for one in request.payload.get("messageInfo", ())],
        at=request.received_at,
    )
    return {}


ROUTES: Final = (
    Route(V201, "NotifyDisplayMessages", notify_display_messages, "one", "O"),
)
OUTGOING: Final = (
    Outgoing(V201, "ClearDisplayMessage", "O", on_cleared, repeatable=True),
    Outgoing(V201, "GetDisplayMessages", "O", on_asked, repeatable=True),
    Outgoing(V201, "SetDisplayMessage", "O", on_set, repeatable=True),
)
INTENTS: Final[dict[str, Any]] = {}
