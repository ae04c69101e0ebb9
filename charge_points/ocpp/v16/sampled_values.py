"""Meter values as OCPP 1.6 writes them (MeterValue, SampledValue)."""

import json
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
        instant = Instant()
        for sampled in meter_value["sampledValue"]:
            _take(instant, sampled)
        samples += instant.samples(
            meter_value.get("timestamp"), received_at=received_at
        )
    return samples


def _take(instant: Instant, sampled: Mapping[str, Any]) -> None:
    value, get = sampled["value"], sampled.get
    context = get("context", DEFAULT_CONTEXT)
    if get("format") == _SIGNED_FORMAT:
        instant.sign(_signed(value, context))
    elif type(value) is str and value.startswith(_OCMF_HEAD):
        instant.sign(_signed(value, context), SIGNED_WITHOUT_FORMAT)
    else:
        plan = plan_of(
            get("measurand", DEFAULT_MEASURAND),
            context,
            get("location", DEFAULT_LOCATION),
            get("phase"),
            get("unit"),
        )
        instant.take(value, plan)


def _signed(data: str, context: str) -> SignedValue:
    """A signature, which carries no number of its own here.

    The value is the signed text itself, or the ``SignedMeterValueType`` of 2.0.1 as
    JSON (OCA, "Signed Meter Values in OCPP" 3.2.1), by some with another first name.
    """
    if str(data).lstrip().startswith("{"):
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            told = {}
        texts = {k: v for k, v in told.items() if isinstance(v, str)}
        inner = texts.get("signedMeterData") or texts.get("signedMeterValue")
        if inner:
            return SignedValue(
                inner,
                texts.get("signingMethod", ""),
                texts.get("encodingMethod", ""),
                texts.get("publicKey", ""),
                context,
            )
    return SignedValue(data, "", "", "", context)
