"""OCPP 2.0.1, blocks E and J: transactions and meter values."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from charge_points.handlers.reading import add_quirks, noted, time_of
from charge_points.handlers.registry import Answer, Payload, Request
from charge_points.handlers.v201.words import id_token_info
from charge_points.ocpp.v201.sampled_values import sampled_values
from charge_points.services import metering, tariff_texts, transactions
from charge_points.services.facts import (
    MeterBatch,
    TransactionAnswer,
    TransactionFact,
)


def transaction_event(requests: Sequence[Request]) -> list[Answer]:
    """TransactionEvent (E01 to E15), set-wise."""
    answers = transactions.apply_events([_fact(request) for request in requests])
    running = [
        answer.transaction_id
        for request, answer in zip(requests, answers, strict=True)
        if answer.transaction_id and request.payload["eventType"] == "Updated"
    ]
    costs = tariff_texts.total_costs(running) if running else {}
    return [
        _answer(request, answer, costs)
        for request, answer in zip(requests, answers, strict=True)
    ]


def _answer(
    request: Request, answer: TransactionAnswer, costs: Mapping[int, Decimal]
) -> Payload:
    payload = _info(request, answer)
    # I02: the running cost; the final one is not known before billing has priced.
    cost = costs.get(answer.transaction_id or 0)
    if cost is not None and request.payload["eventType"] == "Updated":
        payload["totalCost"] = cost
    return payload


def _info(request: Request, answer: TransactionAnswer) -> Payload:
    if answer.quirks:
        add_quirks(request, answer.quirks)
    if answer.authorization is None:
        return {}
    return {"idTokenInfo": id_token_info(answer.authorization)}


def _fact(request: Request) -> TransactionFact:
    sent: dict[str, Any] = request.payload
    info: dict[str, Any] = sent["transactionInfo"]
    evse: dict[str, Any] = sent.get("evse", {})
    token: dict[str, Any] = sent.get("idToken", {})
    meter_values = sent.get("meterValue")
    samples = (
        noted(request, sampled_values(meter_values, received_at=request.received_at))
        if meter_values
        else ()
    )
    return TransactionFact(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        event_type=sent["eventType"],
        ocpp_id=info["transactionId"],
        seq_no=sent["seqNo"],
        occurred_at=time_of(request, sent["timestamp"]),
        received_at=request.received_at,
        trigger_reason=sent["triggerReason"],
        charging_state=info.get("chargingState", ""),
        stopped_reason=info.get("stoppedReason", ""),
        offline=sent.get("offline", False),
        evse=evse.get("id", 0),
        connector=evse.get("connectorId", 0),
        id_token=token.get("idToken", ""),
        id_token_type=token.get("type", ""),
        remote_start_id=info.get("remoteStartId"),
        reservation_id=sent.get("reservationId"),
        samples=samples,
        payload_hash=request.payload_hash,
    )


def meter_values(requests: Sequence[Request]) -> list[Answer]:
    """MeterValues (J01), set-wise: values outside of transactions."""
    metering.record(
        [
            MeterBatch(
                charge_point_id=request.peer.charge_point_id,
                operator_id=request.peer.operator_id,
                evse=request.payload["evseId"],
                connector=1 if request.payload["evseId"] else 0,
                ocpp_transaction_id=None,
                samples=noted(
                    request,
                    sampled_values(
                        request.payload["meterValue"],
                        received_at=request.received_at,
                    ),
                ),
                received_at=request.received_at,
            )
            for request in requests
        ]
    )
    return [{} for _ in requests]
