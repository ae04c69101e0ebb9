"""OCPP 2.0.1, blocks E and J: transactions and meter values."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from charge_points.handlers.reading import add_quirks, noted, time_of
from charge_points.handlers.registry import Answer, Later, Payload, Request
from charge_points.handlers.v201.words import id_token_info
from charge_points.ocpp.v201.sampled_values import sampled_values
from charge_points.services import metering, tariff_texts, transactions
from charge_points.services.facts import (
    MeterBatch,
    TransactionAnswer,
    TransactionFact,
)


def transaction_event(requests: Sequence[Request]) -> list[Answer | Later]:
    """TransactionEvent (E01 to E15), set-wise.

    The answer tells the running cost, and the final one (I03) where the station shows
    it: then it waits for the bill, which billing makes after the commit.
    """
    answers = transactions.apply_events([_fact(request) for request in requests])
    told = {
        answer.transaction_id: request.payload["eventType"]
        for request, answer in zip(requests, answers, strict=True)
        if answer.transaction_id
    }
    displays = tariff_texts.displays(
        [key for key, event in told.items() if event != "Started"]
    )
    ended = [key for key, event in told.items() if event == "Ended"]
    waiting = tariff_texts.awaiting_bill(ended) if ended else set()
    return [
        _answer(request, answer, displays, waiting)
        for request, answer in zip(requests, answers, strict=True)
    ]


def _answer(
    request: Request,
    answer: TransactionAnswer,
    displays: Mapping[int, tariff_texts.Display],
    waiting: Collection[int],
) -> Payload | Later:
    payload = _info(request, answer)
    key = answer.transaction_id or 0
    has_ended = request.payload["eventType"] == "Ended"
    display = displays.get(key)
    if display is not None and request.payload["eventType"] != "Started":
        if display.message:
            payload["updatedPersonalMessage"] = {
                "format": "UTF8",
                "content": display.message,
            }
        if display.cost is not None and (display.is_final or not has_ended):
            payload["totalCost"] = display.cost
    if has_ended and key in waiting:
        return Later(partial(_billed, payload, key), otherwise=payload)
    return payload


def _billed(payload: Payload, transaction_id: int) -> Payload:
    """The answer with the final cost; without it when the bill takes too long."""
    cost = tariff_texts.await_bill(transaction_id)
    return payload if cost is None else {**payload, "totalCost": cost}


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
