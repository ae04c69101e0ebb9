"""Messages that a command asked for are put under that command, in both versions."""

from collections.abc import Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Final, cast

from charge_points.handlers.registry import (
    Answer,
    Later,
    OneHandler,
    Refusal,
    Request,
    Route,
)
from charge_points.services.commands import follow_ups

# What comes -> the actions that ask for it; both carry the same requestId.
ASKED_BY: Final[Mapping[str, frozenset[str]]] = {
    "FirmwareStatusNotification": frozenset({"UpdateFirmware"}),
    "LogStatusNotification": frozenset({"GetLog"}),
    "NotifyCustomerInformation": frozenset({"CustomerInformation"}),
    "NotifyDisplayMessages": frozenset({"GetDisplayMessages"}),
    "NotifyMonitoringReport": frozenset({"GetMonitoringReport"}),
    "NotifyReport": frozenset({"GetBaseReport", "GetReport"}),
    "PublishFirmwareStatusNotification": frozenset({"PublishFirmware"}),
    "ReportChargingProfiles": frozenset({"GetChargingProfiles"}),
    "SignedFirmwareStatusNotification": frozenset({"SignedUpdateFirmware"}),
}
# Where reports have what they tell of.
_ENTRIES: Final = ("reportData", "monitor", "messageInfo", "chargingProfile")


def linked(route: Route) -> Route:
    """The route, noting what it took under the command that asked for it."""
    asked_by = ASKED_BY.get(route.action)
    if asked_by is None or route.mode != "one":
        return route
    return replace(route, handler=_noting(cast("OneHandler", route.handler), asked_by))


def _noting(handler: OneHandler, asked_by: frozenset[str]) -> OneHandler:
    @wraps(handler)
    def noting(request: Request) -> Answer | Later:
        answer = handler(request)
        request_id = request.payload.get("requestId")
        if request_id is not None and not isinstance(answer, Refusal):
            follow_ups.record(
                charge_point_id=request.peer.charge_point_id,
                request_id=request_id,
                asked_by=asked_by,
                told=_told(request),
                at=request.received_at,
            )
        return answer

    return noting


def _told(request: Request) -> follow_ups.Told:
    sent: dict[str, Any] = request.payload
    in_parts = "status" not in sent
    entries = [sent[name] for name in _ENTRIES if name in sent]
    return follow_ups.Told(
        action=request.action,
        status=sent.get("status", ""),
        part=sent.get("seqNo"),
        is_last=not sent.get("tbc", False) if in_parts else None,
        entries=len(entries[0]) if entries else None,
        content_hash=request.payload_hash,
    )
