"""Meter values as OCPP 2.0.1 writes them (part 2: MeterValueType)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.ocpp.metering import (
    DEFAULT_CONTEXT,
    DEFAULT_LOCATION,
    DEFAULT_MEASURAND,
    Instant,
    MeterSample,
    SignedValue,
    plan_of,
)

_NO_MEASURE: Final[Mapping[str, Any]] = {}


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
        instant = Instant()
        for sampled in meter_value["sampledValue"]:
            _take(instant, sampled)
        samples += instant.samples(
            meter_value.get("timestamp"), received_at=received_at
        )
    return samples


def _take(instant: Instant, sampled: Mapping[str, Any]) -> None:
    get = sampled.get
    context = get("context", DEFAULT_CONTEXT)
    measure = get("unitOfMeasure") or _NO_MEASURE
    plan = plan_of(
        get("measurand", DEFAULT_MEASURAND),
        context,
        get("location", DEFAULT_LOCATION),
        get("phase"),
        measure.get("unit"),
        measure.get("multiplier", 0),
    )
    instant.take(sampled["value"], plan)
    signed = get("signedMeterValue")
    if signed is not None:
        instant.sign(_signed(signed, context))


def _signed(signed: Mapping[str, Any], context: str) -> SignedValue:
    return SignedValue(
        data=signed["signedMeterData"],
        signing_method=signed["signingMethod"],
        encoding_method=signed["encodingMethod"],
        public_key=signed["publicKey"],
        context=context,
    )
