"""OCPP 2.0.1, block B: boot and reports."""

from decimal import Decimal
from typing import Any

from charge_points.handlers.reading import time_of
from charge_points.handlers.registry import Answer, Request
from charge_points.handlers.v201.words import REGISTRATION
from charge_points.ocpp.timestamps import format_utc
from charge_points.services import configuration, provisioning
from charge_points.services.facts import BootFact, VariableFact


def boot_notification(request: Request) -> Answer:
    """BootNotification (B01 to B03): answered anew each time."""
    sent = request.payload
    station = sent["chargingStation"]
    modem = station.get("modem", {})
    answer = provisioning.boot(
        BootFact(
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
    )
    status = REGISTRATION[answer.registration]
    request.registration = status
    return {
        "currentTime": format_utc(request.received_at),
        "interval": answer.interval_s,
        "status": status,
    }


def notify_report(request: Request) -> Answer:
    """NotifyReport (B07): one part of a base or custom report."""
    sent = request.payload
    configuration.record_report_part(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        request_id=sent["requestId"],
        seq_no=sent["seqNo"],
        to_be_continued=bool(sent.get("tbc", False)),
        generated_at=time_of(request, sent["generatedAt"]),
        facts=[fact for entry in sent.get("reportData", ()) for fact in _facts(entry)],
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
