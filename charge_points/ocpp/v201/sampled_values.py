"""Meter values as OCPP 2.0.1 writes them (part 2: MeterValueType)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from charge_points.ocpp.metering import (
    DEFAULT_CONTEXT,
    DEFAULT_LOCATION,
    DEFAULT_MEASURAND,
    MeterSample,
    Reading,
    SignedValue,
    assemble,
)


def sampled_values(
    meter_values: Iterable[Mapping[str, Any]], *, received_at: datetime
) -> list[MeterSample]:
    """Read the ``meterValue`` of a checked payload.

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
    context = sampled.get("context", DEFAULT_CONTEXT)
    measure = sampled.get("unitOfMeasure") or {}
    signed = sampled.get("signedMeterValue")
    return Reading(
        value=sampled["value"],
        measurand=sampled.get("measurand", DEFAULT_MEASURAND),
        context=context,
        phase=sampled.get("phase"),
        location=sampled.get("location", DEFAULT_LOCATION),
        unit=measure.get("unit"),
        multiplier=measure.get("multiplier", 0),
        signed=None if signed is None else _signed(signed, context),
    )


def _signed(signed: Mapping[str, Any], context: str) -> SignedValue:
    return SignedValue(
        data=signed["signedMeterData"],
        signing_method=signed["signingMethod"],
        encoding_method=signed["encodingMethod"],
        public_key=signed["publicKey"],
        context=context,
    )
