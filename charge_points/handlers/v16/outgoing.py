"""What the CSMS asks of a 1.6 station: wording of intents, meaning of answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from charge_points.handlers import autocharge, deferring
from charge_points.handlers.answers import meaning
from charge_points.handlers.registry import Outcome, Outgoing, Payload, SentCommand
from charge_points.handlers.v16 import (
    certificates,
    cost,
    credentials,
    diagnostics,
    firmware,
    local_auth_list,
    reservation,
    smart_charging,
)
from charge_points.handlers.v16.words import connector_of
from charge_points.ocpp.versions import V16
from charge_points.services import variables
from charge_points.services.facts import VariableFact
from cpms.kernel.errors import DomainError

ACCEPTED: Final = frozenset(
    {
        "Accepted",
        "AcceptedCanceled",
        "Unlocked",
        "Scheduled",
        "RebootRequired",
        "NoTransaction",
    }
)
"""Status words that mean yes, at once or later."""


class UnableToTranslate(DomainError):
    """1.6 has no message for the intent."""


def _start(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    payload = {"connectorId": arguments["evse"], "idTag": arguments["id_token"]}
    return "RemoteStartTransaction", payload


def _stop(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    return (
        "RemoteStopTransaction",
        {"transactionId": int(arguments["transaction_id"])},
    )


def _unlock(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    return "UnlockConnector", {"connectorId": arguments["evse"]}


def _reset(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    if arguments.get("evse"):
        raise UnableToTranslate(
            "evse_reset_unknown",
            "OCPP 1.6 resets the whole charge point; leave the EVSE out.",
        )
    hard = arguments.get("kind") == "immediate"
    return "Reset", {"type": "Hard" if hard else "Soft"}


def _certificate_revoked(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    data = {k: v for k, v in arguments.items() if v is not None}
    return (
        "DataTransfer",
        {
            "vendorId": autocharge.VENDOR_ID,
            "messageId": autocharge.CERTIFICATE_REVOKED,
            "data": orjson.dumps(data).decode(),
        },
    )


_INTENTS: Final = {
    "start": _start,
    "stop": _stop,
    "unlock": _unlock,
    "reset": _reset,
    "certificate_revoked": _certificate_revoked,
    **local_auth_list.INTENTS,
    **reservation.INTENTS,
    **smart_charging.INTENTS,
    **cost.INTENTS,
    **diagnostics.INTENTS,
    **firmware.INTENTS,
    **credentials.INTENTS,
}


def outgoing_v16(intent: str, arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """Word an intent as (action, payload).

    Raises:
        UnableToTranslate: 1.6 cannot say it.
    """
    wording = _INTENTS.get(intent)
    if wording is None:
        raise UnableToTranslate(
            "intent_unknown", f"OCPP 1.6 has no message for {intent!r}."
        )
    return wording(arguments)


def interpret_v16(action: str, sent: Payload, answer: Payload) -> Outcome:  # noqa: ARG001 - the table's shape
    """Read the station's answer to ``action``."""
    status = answer.get("status")
    if status is None:
        return Outcome(accepted=True, status="Accepted")
    accepted = status in ACCEPTED
    told = answer.get("data")
    if told is None:
        told = "" if accepted else meaning(action, status)
    return Outcome(accepted, status, str(told))


def _keep_configuration(command: SentCommand, answer: Payload, at: datetime) -> None:
    """GetConfiguration: the keys become rows that the operator sees."""
    facts = [
        VariableFact(
            variable=entry["key"],
            value=entry.get("value"),
            mutability="ReadOnly" if entry["readonly"] else "ReadWrite",
        )
        for entry in answer.get("configurationKey", ())
    ]
    variables.record(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        facts=facts,
        source="GetConfiguration",
        at=at,
    )


def _keep_change(command: SentCommand, answer: Payload, at: datetime) -> None:
    """ChangeConfiguration: an accepted value is the station's value now."""
    if answer["status"] not in ACCEPTED:
        return
    fact = VariableFact(variable=command.payload["key"], value=command.payload["value"])
    variables.record(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        facts=[fact],
        source="ChangeConfiguration",
        at=at,
    )


def _keep_availability(command: SentCommand, answer: Payload, at: datetime) -> None:
    """ChangeAvailability (5.2): "Scheduled" waits for the charge to end."""
    sent = command.payload
    place = connector_of(sent["connectorId"])
    kind = deferring.availability_kind(sent)
    deferring.keep_answer(command, answer, at, kind=kind, place=place)


def _out(action: str, block: str = "Core", **options: Any) -> tuple[str, Outgoing]:
    return action, Outgoing(V16, action, block, **options)


# Asking twice does no harm except for a start, a reset and what moves hardware.
# One module per profile brings its own messages.
_BLOCKS: Final = (
    certificates,
    diagnostics,
    firmware,
    local_auth_list,
    reservation,
    smart_charging,
)

OUTGOING: Final[dict[str, Outgoing]] = dict(
    (
        _out("ChangeAvailability", on_result=_keep_availability, repeatable=True),
        _out(
            "ChangeConfiguration",
            on_result=_keep_change,
            repeatable=True,
            while_pending=True,
        ),
        _out("ClearCache", repeatable=True),
        _out("DataTransfer"),
        _out(
            "GetConfiguration",
            on_result=_keep_configuration,
            repeatable=True,
            while_pending=True,
        ),
        _out("RemoteStartTransaction"),
        _out("RemoteStopTransaction", repeatable=True),
        _out("Reset", while_pending=True),
        _out("UnlockConnector"),
        _out("TriggerMessage", "RemoteTrigger", repeatable=True, while_pending=True),
        *((out.action, out) for block in _BLOCKS for out in block.OUTGOING),
    )
)
