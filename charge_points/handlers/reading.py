"""What both versions' handlers do with an inbound request, whatever it says."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings

from charge_points.handlers.registry import (
    REGISTRATION_ACCEPTED,
    REGISTRATION_PENDING,
    REGISTRATION_REJECTED,
    Payload,
    Request,
)
from charge_points.ocpp.metering import MeterSample
from charge_points.ocpp.timestamps import format_utc, parse_time

REGISTRATIONS: Final = {
    "accepted": REGISTRATION_ACCEPTED,
    "pending": REGISTRATION_PENDING,
    "rejected": REGISTRATION_REJECTED,
}
BOOT_RETRY_S: Final = 60
"""When a station that was not accepted may ask again."""


def boot_answer(request: Request, registration: str) -> Payload:
    """The answer to BootNotification, alike in both versions.

    An accepted station gets its heartbeat interval, others when to boot again.
    """
    status = REGISTRATIONS[registration]
    request.registration = status
    accepted = status == REGISTRATION_ACCEPTED
    interval_s = int(settings.HEARTBEAT_INTERVAL_S) if accepted else BOOT_RETRY_S
    return {
        "currentTime": format_utc(request.received_at),
        "interval": interval_s,
        "status": status,
    }


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
