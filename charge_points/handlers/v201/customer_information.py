"""OCPP 2.0.1, block N: customer information (N09, N10)."""

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
from charge_points.ocpp.versions import V201
from charge_points.services import customer_information


def on_asked(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, Rejected or Invalid; an accepted report follows."""
    sent = command.payload
    customer_information.record_answer(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        request_id=sent["requestId"],
        report=sent["report"],
        clear=sent["clear"],
        status=answer["status"],
        at=at,
    )


def notify_customer_information(request: Request) -> Answer:
    """NotifyCustomerInformation (N09): one part of the report."""
    sent = request.payload
    customer_information.record_part(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        request_id=sent["requestId"],
        seq_no=sent["seqNo"],
        to_be_continued=sent.get("tbc", False),
        text=sent["data"],
        at=request.received_at,
    )
    return {}


ROUTES: Final = (
    Route(V201, "NotifyCustomerInformation", notify_customer_information, "one", "N"),
)
OUTGOING: Final = (
    Outgoing(V201, "CustomerInformation", "N", on_asked, repeatable=True),
)
INTENTS: Final[dict[str, Any]] = {}
