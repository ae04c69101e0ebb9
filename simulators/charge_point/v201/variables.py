"""The device model of a 2.0.1 station: components and their variables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulators.charge_point.options import Settings, StationOptions

Address = tuple[str, str]

# Variables that change how the station works, and the setting behind each.
INTEGERS: Final[dict[Address, str]] = {
    ("OCPPCommCtrlr", "HeartbeatInterval"): "heartbeat_interval_s",
    ("OCPPCommCtrlr", "MessageAttempts"): "retry_attempts",
    ("OCPPCommCtrlr", "MessageAttemptInterval"): "retry_interval_s",
    ("SampledDataCtrlr", "TxUpdatedInterval"): "meter_interval_s",
    ("TxCtrlr", "EVConnectionTimeOut"): "connection_timeout_s",
}
BOOLEANS: Final[dict[Address, str]] = {
    ("AuthCtrlr", "AuthorizeRemoteStart"): "authorize_remote",
    ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "offline_unknown_allowed",
    ("TxCtrlr", "StopTxOnInvalidId"): "stop_on_invalid",
}
PASSWORD: Final[Address] = ("SecurityCtrlr", "BasicAuthPassword")


@dataclass(slots=True)
class Variable:
    """A variable that is only kept."""

    value: str
    mutability: str = "ReadWrite"
    data_type: str = "string"


class DeviceModel:
    """What GetVariables and reports show and SetVariables changes."""

    def __init__(self, options: StationOptions, settings: Settings) -> None:
        """Begin with a station's defaults."""
        self._settings = settings
        self._kept: dict[Address, Variable] = {
            ("ChargingStation", "Model"): Variable(options.model, "ReadOnly"),
            ("ChargingStation", "VendorName"): Variable(options.vendor, "ReadOnly"),
            ("ChargingStation", "SerialNumber"): Variable(options.serial, "ReadOnly"),
            ("ChargingStation", "FirmwareVersion"): Variable(
                options.firmware, "ReadOnly"
            ),
            ("TxCtrlr", "TxStartPoint"): Variable(
                options.tx_start_point, "ReadOnly", "MemberList"
            ),
            ("TxCtrlr", "TxStopPoint"): Variable(
                options.tx_stop_point, "ReadOnly", "MemberList"
            ),
            ("AuthCtrlr", "Enabled"): Variable("true", data_type="boolean"),
            ("DeviceDataCtrlr", "ItemsPerMessage"): Variable(
                "50", "ReadOnly", "integer"
            ),
            ("SmartChargingCtrlr", "Enabled"): Variable("true", data_type="boolean"),
            ("SecurityCtrlr", "OrganizationName"): Variable(""),
            ("SecurityCtrlr", "SecurityProfile"): Variable("1", "ReadOnly", "integer"),
            PASSWORD: Variable("", "WriteOnly"),
        }

    def get(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one GetVariableData."""
        address = _address(data)
        status, value = self._read(address, data.get("attribute_type") or "Actual")
        row = {"attributeStatus": status, **_named(data)}
        return row if value is None else {**row, "attributeValue": value}

    def set(self, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Answer one SetVariableData; returns the status and the row."""
        status = self._write(
            _address(data),
            str(data["attribute_value"]),
            data.get("attribute_type") or "Actual",
        )
        return status, {"attributeStatus": status, **_named(data)}

    def report(self, base: str) -> list[dict[str, Any]]:
        """Return the ReportData rows of a base report (empty: nothing to tell)."""
        rows = list(self._rows())
        if base == "ConfigurationInventory":
            return [
                row
                for row in rows
                if row["variableAttribute"][0]["mutability"] != "ReadOnly"
            ]
        return rows if base == "FullInventory" else []

    def _rows(self) -> Iterator[dict[str, Any]]:
        for address in (*INTEGERS, *BOOLEANS, *self._kept):
            kept = self._kept.get(address)
            kind = "integer" if address in INTEGERS else "boolean"
            mutability = kept.mutability if kept else "ReadWrite"
            attribute = {"type": "Actual", "mutability": mutability}
            if mutability != "WriteOnly":
                attribute["value"] = self._value(address)
            yield {
                "component": {"name": address[0]},
                "variable": {"name": address[1]},
                "variableAttribute": [attribute],
                "variableCharacteristics": {
                    "dataType": kept.data_type if kept else kind,
                    "supportsMonitoring": False,
                },
            }

    def _read(self, address: Address, kind: str) -> tuple[str, str | None]:
        if missing := self._missing(address, kind):
            return missing, None
        kept = self._kept.get(address)
        if kept is not None and kept.mutability == "WriteOnly":
            return "Rejected", None
        return "Accepted", self._value(address)

    def _value(self, address: Address) -> str:
        if address in INTEGERS:
            return str(getattr(self._settings, INTEGERS[address]))
        if address in BOOLEANS:
            return str(getattr(self._settings, BOOLEANS[address])).lower()
        return self._kept[address].value

    def _write(self, address: Address, value: str, kind: str) -> str:
        if missing := self._missing(address, kind):
            return missing
        if address in INTEGERS:
            if not value.isdecimal():
                return "Rejected"
            setattr(self._settings, INTEGERS[address], int(value))
        elif address in BOOLEANS:
            if value.lower() not in {"true", "false"}:
                return "Rejected"
            setattr(self._settings, BOOLEANS[address], value.lower() == "true")
        elif self._kept[address].mutability == "ReadOnly":
            return "Rejected"
        elif address != PASSWORD:
            self._kept[address].value = value
        return "Accepted"

    def _missing(self, address: Address, kind: str) -> str:
        known = {*INTEGERS, *BOOLEANS, *self._kept}
        if address[0] not in {component for component, _ in known}:
            return "UnknownComponent"
        if address not in known:
            return "UnknownVariable"
        return "" if kind == "Actual" else "NotSupportedAttributeType"


def _address(data: Mapping[str, Any]) -> Address:
    return str(data["component"]["name"]), str(data["variable"]["name"])


def _named(data: Mapping[str, Any]) -> dict[str, Any]:
    row = {"component": data["component"], "variable": data["variable"]}
    if data.get("attribute_type"):
        row["attributeType"] = data["attribute_type"]
    return row
