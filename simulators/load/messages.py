"""The payloads that load is made of, as JSON text."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

REGISTER_WH: Final = 10_000_000


def compact(content: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(content, separators=(",", ":"))


def call_text(message_id: str, action: str, payload: object) -> str:
    """Return a CALL."""
    return compact([2, message_id, action, payload])


class MillisecondClock:
    """A station's time that moves one millisecond per message, as bytes."""

    def __init__(self, behind_s: int) -> None:
        """Begin in the past, so that no message reaches the server's future."""
        self._at = datetime.now(tz=UTC) - timedelta(seconds=behind_s)
        self._millisecond = -1
        self.pass_seconds(0)

    def tick(self) -> bytes:
        """Return the next instant, 24 bytes: ``2026-01-31T12:00:00.000Z``."""
        self._millisecond += 1
        if self._millisecond == 1000:
            self.pass_seconds(1)
            self._millisecond = 0
        return self._second + MILLISECONDS[self._millisecond]

    def pass_seconds(self, seconds: int) -> None:
        """Let station time pass."""
        self._at += timedelta(seconds=seconds)
        self._second = self._at.strftime("%Y-%m-%dT%H:%M:%S.").encode()

    def text(self) -> str:
        """Return the next instant as text."""
        return self.tick().decode()


MILLISECONDS: Final = tuple(b"%03dZ" % number for number in range(1000))

_SAMPLES: Final = (
    ("Energy.Active.Import.Register", "Outlet", None, "Wh", None),
    ("Power.Active.Import", "Outlet", None, "W", "11040.0"),
    ("Current.Import", "Outlet", "L1", "A", "16.0"),
    ("Current.Import", "Outlet", "L2", "A", "16.1"),
    ("Current.Import", "Outlet", "L3", "A", "15.9"),
    ("Voltage", "Outlet", "L1-N", "V", "230.1"),
    ("Temperature", "Body", None, "Celsius", "31.5"),
    ("SoC", "EV", None, "Percent", "54.0"),
)


def meter_values_16(transaction_id: int | None, at: str, energy: str) -> dict[str, Any]:
    """Return a MeterValues of 8 samples, about 1.2 kB in its CALL."""
    samples = []
    for measurand, location, phase, unit, value in _SAMPLES:
        sample = {
            "value": value or energy,
            "context": "Sample.Periodic",
            "format": "Raw",
            "measurand": measurand,
        }
        if phase:
            sample["phase"] = phase
        samples.append({**sample, "location": location, "unit": unit})
    payload: dict[str, Any] = {"connectorId": 1}
    if transaction_id is not None:
        payload["transactionId"] = transaction_id
    payload["meterValue"] = [{"timestamp": at, "sampledValue": samples}]
    return payload


def meter_value_201(at: str, energy: int) -> dict[str, Any]:
    """Return a MeterValue of 9 samples, about 1.6 kB in its event's CALL."""
    rows: list[tuple[str, str, str | None, str, float]] = [
        (measurand, location, phase, unit, float(value) if value else energy)
        for measurand, location, phase, unit, value in _SAMPLES
        if measurand != "Temperature"  # 1.6 has it, 2.0.1 has not
    ]
    rows.append(("Voltage", "Outlet", "L2-N", "V", 229.9))
    rows.append(("Power.Offered", "Outlet", None, "W", 22000.0))
    samples = []
    for measurand, location, phase, unit, value in rows:
        sample: dict[str, Any] = {
            "value": value,
            "context": "Sample.Periodic",
            "measurand": measurand,
        }
        if phase:
            sample["phase"] = phase
        sample["location"] = location
        samples.append({**sample, "unitOfMeasure": {"unit": unit, "multiplier": 0}})
    return {"timestamp": at, "sampledValue": samples}


def transaction_event(
    step: str,
    *,
    trigger: str,
    reference: str,
    at: str,
    seq_no: int,
    **more: Any,
) -> dict[str, Any]:
    """Return a TransactionEvent; `more` are further members."""
    return {
        "eventType": step,
        "timestamp": at,
        "triggerReason": trigger,
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": reference, "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        **more,
    }


BOOT_16: Final = {
    "chargePointVendor": "Simulated",
    "chargePointModel": "LOAD-1",
    "chargePointSerialNumber": "LOAD000001",
    "firmwareVersion": "1.0.0",
}
BOOT_201: Final = {
    "chargingStation": {
        "model": "LOAD-1",
        "vendorName": "Simulated",
        "serialNumber": "LOAD000001",
        "firmwareVersion": "1.0.0",
    },
    "reason": "PowerUp",
}
