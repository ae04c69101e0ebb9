"""What both versions' handlers do with an inbound request, whatever it says."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from charge_points.handlers.registry import (
    REGISTRATION_ACCEPTED,
    REGISTRATION_PENDING,
    REGISTRATION_REJECTED,
    Payload,
    Request,
)
from charge_points.ocpp.metering import MeterSample
from charge_points.ocpp.quirk_names import CLOCK_NOT_SET
from charge_points.ocpp.timestamps import format_utc, parse_time
from charge_points.services.boots import BootVerdict

REGISTRATIONS: Final = {
    "accepted": REGISTRATION_ACCEPTED,
    "pending": REGISTRATION_PENDING,
    "rejected": REGISTRATION_REJECTED,
}


def boot_answer(request: Request, verdict: BootVerdict) -> Payload:
    """The answer to BootNotification, alike in both versions."""
    status = REGISTRATIONS[verdict.registration]
    request.registration = status
    return {
        "currentTime": format_utc(request.received_at),
        "interval": verdict.interval_s,
        "status": status,
    }


def time_of(request: Request, value: object) -> datetime:
    """The station's time, or the arrival where it is of no use; quirks are noted."""
    instant, quirk = parse_time(value)
    if quirk is not None:
        request.quirks.append(quirk)
    # A clock that was never set would make every charge one of the past: begun
    # offline, and so accepted whatever its token is.
    unusable = instant is None or quirk == CLOCK_NOT_SET
    return request.received_at if instant is None or unusable else instant


def noted(request: Request, samples: Sequence[MeterSample]) -> Sequence[MeterSample]:
    """Count what was tolerated while reading the samples."""
    for sample in samples:
        if sample.quirks:
            request.quirks.extend(sample.quirks)
    return samples


def add_quirks(request: Request, names: Iterable[str]) -> None:
    """Count what a service noticed."""
    request.quirks.extend(names)
