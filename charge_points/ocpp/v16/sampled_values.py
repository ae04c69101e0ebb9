"""Meter values as OCPP 1.6 writes them (MeterValue, SampledValue)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.ocpp.metering import (
    DEFAULT_CONTEXT,
    DEFAULT_LOCATION,
    DEFAULT_MEASURAND,
    MeterSample,
    Reading,
    SignedValue,
    assemble,
)
from charge_points.ocpp.quirk_names import SIGNED_WITHOUT_FORMAT

_SIGNED_FORMAT: Final = "SignedData"
_OCMF_HEAD: Final = "OCMF|"


def sampled_values(
    meter_values: Iterable[Mapping[str, Any]], *, received_at: datetime
) -> list[MeterSample]:
    """Read the ``meterValue`` or ``transactionData`` of a checked payload.

    Args:
        meter_values: The array of the message.
        received_at: The arrival of the message (UTC); stands in for unusable times.

    Returns:
        One sample per meter value and context, in the order sent.
    """
    samples: list[MeterSample] = []
    for meter_value in meter_values:
        readings = [_reading(sampled) for sampled in meter_value["sampledValue"]]
        samples += assemble(
            meter_value.get("timestamp"), readings, received_at=received_at
        )
    return samples


def _reading(sampled: Mapping[str, Any]) -> Reading:
    value = sampled["value"]
    context = sampled.get("context", DEFAULT_CONTEXT)
    if sampled.get("format") == _SIGNED_FORMAT:
        return _signed(value, context)
    if type(value) is str and value.startswith(_OCMF_HEAD):
        return _signed(value, context, SIGNED_WITHOUT_FORMAT)
    return Reading(
        value=value,
        measurand=sampled.get("measurand", DEFAULT_MEASURAND),
        context=context,
        phase=sampled.get("phase"),
        location=sampled.get("location", DEFAULT_LOCATION),
        unit=sampled.get("unit"),
    )


def _signed(data: str, context: str, quirk: str | None = None) -> Reading:
    """Make a reading that carries a signature and no number of its own."""
    signed = SignedValue(data, "", "", "", context)
    return Reading(value=None, context=context, signed=signed, quirk=quirk)
