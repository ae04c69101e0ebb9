"""OCPP 2.0.1, block B: boot and reports."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from charge_points.handlers.reading import boot_answer, time_of
from charge_points.handlers.registry import Answer, Request
from charge_points.services import boots, variables
from charge_points.services.facts import BootFact, VariableFact


def boot_notification(requests: Sequence[Request]) -> list[Answer]:
    """BootNotification (B01 to B03), set-wise; answered anew each time."""
    verdicts = boots.record_many([_boot_fact(request) for request in requests])
    return [
        boot_answer(request, verdict)
        for request, verdict in zip(requests, verdicts, strict=True)
    ]


def _boot_fact(request: Request) -> BootFact:
    sent = request.payload
    station = sent["chargingStation"]
    modem = station.get("modem", {})
    return BootFact(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        received_at=request.received_at,
        vendor=station["vendorName"],
        model=station["model"],
        serial_number=station.get("serialNumber", ""),
        firmware_version=station.get("firmwareVersion", ""),
        iccid=modem.get("iccid", ""),
        imsi=modem.get("imsi", ""),
        reason=sent["reason"],
    )


def notify_report(request: Request) -> Answer:
    """NotifyReport (B07): one part of a base or custom report."""
    sent = request.payload
    facts = [fact for entry in sent.get("reportData", ()) for fact in _facts(entry)]
    variables.record_report_part(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        request_id=sent["requestId"],
        seq_no=sent["seqNo"],
        to_be_continued=bool(sent.get("tbc", False)),
        facts=facts,
        generated_at=time_of(request, sent["generatedAt"]),
        at=request.received_at,
    )
    return {}


def _facts(entry: dict[str, Any]) -> list[VariableFact]:
    component, variable = entry["component"], entry["variable"]
    evse = component.get("evse", {})
    limits = entry.get("variableCharacteristics", {})
    return [
        VariableFact(
            variable=variable["name"],
            value=attribute.get("value"),
            component=component["name"],
            component_instance=component.get("instance", ""),
            evse=evse.get("id", 0),
            connector=evse.get("connectorId", 0),
            variable_instance=variable.get("instance", ""),
            attribute=attribute.get("type", "Actual"),
            mutability=attribute.get("mutability", "ReadWrite"),
            data_type=limits.get("dataType", ""),
            unit=limits.get("unit", ""),
            min_limit=_decimal(limits.get("minLimit")),
            max_limit=_decimal(limits.get("maxLimit")),
            allowed_values=limits.get("valuesList", ""),
        )
        for attribute in entry["variableAttribute"]
    ]


def _decimal(value: float | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
