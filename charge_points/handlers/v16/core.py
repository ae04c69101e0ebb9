"""OCPP 1.6, core profile, what comes in (specification chapter 4)."""

from collections.abc import Sequence
from decimal import Decimal

import orjson

from charge_points.handlers import autocharge
from charge_points.handlers.reading import boot_answer, noted, time_of
from charge_points.handlers.registry import (
    Answer,
    Later,
    Payload,
    Request,
)
from charge_points.handlers.v16 import iso15118
from charge_points.handlers.v16.words import (
    STATUS,
    connector_of,
    id_tag_info,
    transaction_id_of,
)
from charge_points.ocpp.timestamps import format_utc
from charge_points.ocpp.v16.sampled_values import sampled_values
from charge_points.services import (
    authorization,
    availability,
    boots,
    metering,
    transactions,
)
from charge_points.services.facts import (
    BootFact,
    MeterBatch,
    StartFact,
    StatusReport,
    StopFact,
)


def authorize(request: Request) -> Answer:
    """Authorize (4.1)."""
    decision = authorization.authorize(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        token=request.payload["idTag"],
        token_type="",
        at=request.received_at,
    )
    return {"idTagInfo": id_tag_info(decision)}


def boot_notification(requests: Sequence[Request]) -> list[Answer]:
    """BootNotification (4.2), set-wise: a platform's restart brings all at once.

    Answered anew each time, also when repeated.
    """
    verdicts = boots.record_many([_boot_fact(request) for request in requests])
    return [
        boot_answer(request, verdict)
        for request, verdict in zip(requests, verdicts, strict=True)
    ]


def _boot_fact(request: Request) -> BootFact:
    sent = request.payload
    return BootFact(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        received_at=request.received_at,
        vendor=sent["chargePointVendor"],
        model=sent["chargePointModel"],
        serial_number=(
            sent.get("chargePointSerialNumber") or sent.get("chargeBoxSerialNumber", "")
        ),
        firmware_version=sent.get("firmwareVersion", ""),
        iccid=sent.get("iccid", ""),
        imsi=sent.get("imsi", ""),
        meter_type=sent.get("meterType", ""),
        meter_serial_number=sent.get("meterSerialNumber", ""),
    )


def heartbeat(request: Request) -> Answer:
    """Heartbeat (4.6): no row is touched; any message tells presence of life."""
    return {"currentTime": format_utc(request.received_at)}


def meter_values(requests: Sequence[Request]) -> list[Answer]:
    """MeterValues (4.7), set-wise."""
    batches = []
    for request in requests:
        sent = request.payload
        evse, connector = connector_of(sent["connectorId"])
        samples = sampled_values(sent["meterValue"], received_at=request.received_at)
        batches.append(
            MeterBatch(
                charge_point_id=request.peer.charge_point_id,
                operator_id=request.peer.operator_id,
                evse=evse,
                connector=connector,
                ocpp_transaction_id=transaction_id_of(sent.get("transactionId")),
                samples=noted(request, samples),
                received_at=request.received_at,
            )
        )
    metering.record(batches)
    return [{} for _ in requests]


def start_transaction(requests: Sequence[Request]) -> list[Answer]:
    """StartTransaction (4.8), set-wise: a repeat gets the same id."""
    answers = transactions.start_many([_start_fact(request) for request in requests])
    return [
        {
            "transactionId": int(answer.ocpp_id),
            "idTagInfo": id_tag_info(answer.authorization),
        }
        for answer in answers
    ]


def _start_fact(request: Request) -> StartFact:
    sent = request.payload
    evse, connector = connector_of(sent["connectorId"])
    # The arrival itself where the station's time is of no use.
    started_at = time_of(request, sent["timestamp"])
    return StartFact(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        evse=evse,
        connector=connector,
        id_token=sent["idTag"],
        started_at=started_at,
        told_at="" if started_at is not request.received_at else str(sent["timestamp"]),
        meter_start_wh=Decimal(sent["meterStart"]),
        received_at=request.received_at,
        reservation_id=sent.get("reservationId") or None,
        clock_lag=request.peer.clock.lag(but=sent["connectorId"]),
        payload_hash=request.payload_hash,
    )


def stop_transaction(requests: Sequence[Request]) -> list[Answer]:
    """StopTransaction (4.10), set-wise.

    Always answered well, or the station repeats it.
    """
    answers = transactions.stop_many([_stop_fact(request) for request in requests])
    return [
        {"idTagInfo": id_tag_info(answer.authorization)}
        if answer.authorization is not None and "idTag" in request.payload
        else {}
        for request, answer in zip(requests, answers, strict=True)
    ]


def _stop_fact(request: Request) -> StopFact:
    sent = request.payload
    samples = sampled_values(
        sent.get("transactionData") or (), received_at=request.received_at
    )
    return StopFact(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        ocpp_id=str(sent["transactionId"]),
        ended_at=time_of(request, sent["timestamp"]),
        meter_stop_wh=_register(sent.get("meterStop")),
        received_at=request.received_at,
        reason=sent.get("reason", "Local"),
        id_token=sent.get("idTag", ""),
        samples=noted(request, samples),
        payload_hash=request.payload_hash,
    )


def _register(value: int | None) -> Decimal | None:
    return None if value is None or value < 0 else Decimal(value)


def status_notification(requests: Sequence[Request]) -> list[Answer]:
    """StatusNotification (4.9), set-wise."""
    reports = []
    for request in requests:
        sent = request.payload
        evse, connector = connector_of(sent["connectorId"])
        stamp = sent.get("timestamp")
        told_at = request.received_at if stamp is None else time_of(request, stamp)
        if told_at is not request.received_at:
            lag = request.received_at - told_at
            request.peer.clock.note(sent["connectorId"], lag)
        reports.append(
            StatusReport(
                charge_point_id=request.peer.charge_point_id,
                operator_id=request.peer.operator_id,
                evse=evse,
                connector=connector,
                status=STATUS[sent["status"]],
                reported_at=told_at,
                received_at=request.received_at,
                error_code=_error(sent["errorCode"]),
                info=sent.get("info", ""),
                vendor_id=sent.get("vendorId", ""),
                vendor_error_code=sent.get("vendorErrorCode", ""),
            )
        )
    availability.report_status(reports)
    return [{} for _ in requests]


def _error(code: str) -> str:
    return "" if code == "NoError" else code


def data_transfer(request: Request) -> Answer | Later:
    """DataTransfer (4.3): the certificate flow, ISO 15118; others are unknown here."""
    sent = request.payload
    if sent["vendorId"] == iso15118.VENDOR_ID:
        return iso15118.data_transfer(request)
    if sent["vendorId"] != autocharge.VENDOR_ID:
        return {"status": "UnknownVendorId"}
    transfer = autocharge.answer(
        request,
        message_id=sent.get("messageId"),
        data=sent.get("data"),
        connector_field="connectorId",
    )
    answer: Payload = {"status": transfer.status}
    if transfer.data is not None:
        answer["data"] = orjson.dumps(transfer.data).decode()
    return answer
