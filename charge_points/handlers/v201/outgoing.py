"""What the CSMS asks of a 2.0.1 station: wording of intents, meaning of answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers import autocharge, deferring
from charge_points.handlers.answers import meaning
from charge_points.handlers.registry import Outcome, Outgoing, Payload, SentCommand
from charge_points.handlers.v201 import (
    certificates,
    cost,
    credentials,
    customer_information,
    diagnostics,
    display,
    firmware,
    local_auth_list,
    monitoring,
    network_profile,
    reservation,
    smart_charging,
)
from charge_points.handlers.v201.words import variable_fact
from charge_points.ocpp.versions import V201
from charge_points.services import transactions, variables
from charge_points.services.facts import VariableFact
from cpms.kernel.errors import DomainError

ACCEPTED: Final = frozenset(
    {"Accepted", "AcceptedCanceled", "Unlocked", "Unpublished", "Scheduled"}
)
"""Status words that mean yes, at once or later."""

VALUE_KNOWN: Final = frozenset({"Accepted", "RebootRequired"})


class UnableToTranslate(DomainError):
    """2.0.1 has no message for the intent."""


def _start(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    return (
        "RequestStartTransaction",
        {
            "evseId": arguments["evse"],
            "remoteStartId": arguments["remote_start_id"],
            "idToken": {"idToken": arguments["id_token"], "type": "Central"},
        },
    )


def _stop(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    return "RequestStopTransaction", {"transactionId": arguments["transaction_id"]}


def _unlock(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    payload = {
        "evseId": arguments["evse"],
        "connectorId": arguments.get("connector", 1),
    }
    return "UnlockConnector", payload


def _reset(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    now = arguments.get("kind") == "immediate"
    payload: Payload = {"type": "Immediate" if now else "OnIdle"}
    if arguments.get("evse"):
        payload["evseId"] = arguments["evse"]
    return "Reset", payload


def _certificate_revoked(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    data = {k: v for k, v in arguments.items() if v is not None}
    return (
        "DataTransfer",
        {
            "vendorId": autocharge.VENDOR_ID,
            "messageId": autocharge.CERTIFICATE_REVOKED,
            "data": data,
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


def outgoing_v201(intent: str, arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """Word an intent as (action, payload).

    Raises:
        UnableToTranslate: 2.0.1 cannot say it.
    """
    wording = _INTENTS.get(intent)
    if wording is None:
        raise UnableToTranslate(
            "intent_unknown", f"OCPP 2.0.1 has no message for {intent!r}."
        )
    return wording(arguments)


def interpret_v201(action: str, sent: Payload, answer: Payload) -> Outcome:  # noqa: ARG001 - the table's shape
    """Read the station's answer to ``action``.

    Get- and SetVariables answer per variable, Set- and ClearVariableMonitoring per
    monitor: they are accepted when all are.
    """
    results = answer.get("getVariableResult") or answer.get("setVariableResult")
    if results:
        refused = [
            f"{r['component']['name']}.{r['variable']['name']}: {r['attributeStatus']}"
            for r in results
            if r["attributeStatus"] not in VALUE_KNOWN
        ]
        word = "Accepted" if not refused else "Rejected"
        return Outcome(not refused, word, "; ".join(refused))
    unwanted = monitoring.refused(answer)
    if unwanted is not None:
        word = "Rejected" if unwanted else "Accepted"
        return Outcome(not unwanted, word, "; ".join(unwanted))
    status: str | None = answer.get("status")
    if status is None:
        return Outcome(accepted=True, status="Accepted")
    info = answer.get("statusInfo", {})
    names = ("reasonCode", "additionalInfo")
    told = " ".join(str(info[name]) for name in names if name in info)
    accepted = status in ACCEPTED
    detail = told or ("" if accepted else meaning(action, status))
    return Outcome(accepted, status, detail)


def _record(command: SentCommand, facts: list[VariableFact], at: datetime) -> None:
    variables.record(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        facts=facts,
        source=command.action,
        at=at,
    )


def _keep_variables(command: SentCommand, answer: Payload, at: datetime) -> None:
    """GetVariables (B06): known values become rows that the operator sees."""
    facts = [
        variable_fact(
            entry,
            value=entry.get("attributeValue"),
            attribute=entry.get("attributeType", "Actual"),
        )
        for entry in answer["getVariableResult"]
        if entry["attributeStatus"] == "Accepted"
    ]
    _record(command, facts, at)


def _keep_changes(command: SentCommand, answer: Payload, at: datetime) -> None:
    """SetVariables (B05): an accepted value is the station's value now."""
    asked = command.payload["setVariableData"]
    facts = [
        variable_fact(
            wanted,
            value=wanted["attributeValue"],
            attribute=wanted.get("attributeType", "Actual"),
        )
        for wanted, got in zip(asked, answer["setVariableResult"], strict=False)
        if got["attributeStatus"] in VALUE_KNOWN
    ]
    _record(command, facts, at)


def _compare_transaction(command: SentCommand, answer: Payload, at: datetime) -> None:
    """GetTransactionStatus (E14): a charge that the station no longer has is over."""
    ocpp_id = command.payload.get("transactionId")
    if ocpp_id is not None and answer.get("ongoingIndicator") is False:
        transactions.record_not_ongoing(
            charge_point_id=command.charge_point_id,
            ocpp_id=ocpp_id,
            has_queue=answer["messagesInQueue"],
            at=at,
        )


def _keep_availability(command: SentCommand, answer: Payload, at: datetime) -> None:
    """ChangeAvailability (G03, G04): "Scheduled" waits for the charge to end."""
    sent = command.payload
    evse = sent.get("evse", {})
    place = evse.get("id", 0), evse.get("connectorId", 0)
    kind = deferring.availability_kind(sent)
    deferring.keep_answer(command, answer, at, kind=kind, place=place)


def _keep_reset(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Reset (B11, B12): of the station or of one EVSE, now or when it is idle."""
    place = command.payload.get("evseId", 0), 0
    deferring.keep_answer(command, answer, at, kind="reset", place=place)


def _out(action: str, block: str, **options: Any) -> tuple[str, Outgoing]:
    return action, Outgoing(V201, action, block, **options)


# Asking twice does no harm except for a start, a reset and what moves hardware.
# One module per block brings its own messages.
_BLOCKS: Final = (
    certificates,
    cost,
    customer_information,
    diagnostics,
    display,
    firmware,
    local_auth_list,
    monitoring,
    network_profile,
    reservation,
    smart_charging,
)

OUTGOING: Final[dict[str, Outgoing]] = dict(
    (
        _out("ChangeAvailability", "G", on_result=_keep_availability, repeatable=True),
        _out("ClearCache", "C", repeatable=True),
        _out("DataTransfer", "P"),
        _out("GetBaseReport", "B", repeatable=True, while_pending=True),
        _out("GetReport", "B", repeatable=True, while_pending=True),
        _out(
            "GetTransactionStatus",
            "E",
            on_result=_compare_transaction,
            repeatable=True,
        ),
        _out(
            "GetVariables",
            "B",
            on_result=_keep_variables,
            repeatable=True,
            while_pending=True,
        ),
        _out("RequestStartTransaction", "F"),
        _out("RequestStopTransaction", "F", repeatable=True),
        _out("Reset", "B", on_result=_keep_reset),
        _out(
            "SetVariables",
            "B",
            on_result=_keep_changes,
            repeatable=True,
            while_pending=True,
        ),
        _out("TriggerMessage", "F", repeatable=True, while_pending=True),
        _out("UnlockConnector", "F"),
        *((out.action, out) for block in _BLOCKS for out in block.OUTGOING),
    )
)
