"""What both versions' handlers do with an inbound request, whatever it says."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from charge_points.handlers.registry import Request
from charge_points.ocpp.metering import MeterSample
from charge_points.ocpp.timestamps import parse_time


def time_of(request: Request, value: object) -> datetime:
    """The station's time, or the arrival where it is of no use; quirks are noted."""
    instant, quirk = parse_time(value)
    if quirk is not None:
        request.quirks.append(quirk)
    return request.received_at if instant is None else instant


def noted(request: Request, samples: Sequence[MeterSample]) -> Sequence[MeterSample]:
    """Count what was tolerated while reading the samples."""
    for sample in samples:
        if sample.quirks:
            request.quirks.extend(sample.quirks)
    return samples


def add_quirks(request: Request, names: Iterable[str]) -> None:
    """Count what a service noticed."""
    request.quirks.extend(names)
