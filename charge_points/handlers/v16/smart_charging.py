"""OCPP 1.6, profile SmartCharging (5.5, 5.7, 5.16)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers import profile_answers, schedules
from charge_points.handlers.registry import Outgoing, Payload, Route, SentCommand
from charge_points.ocpp.versions import V16
from charge_points.services.smart_charging import profiles
from charge_points.services.smart_charging.profiles import ProfileFact

PROFILE: Final = "SmartCharging"


def set_charging_profile(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """SetChargingProfile (5.16); 1.6 has one schedule."""
    purpose = arguments["purpose"]
    content: Payload = {
        "chargingProfileId": arguments["profile_id"],
        "stackLevel": arguments["stack_level"],
        "chargingProfilePurpose": (
            schedules.STATION_MAX_16 if purpose == schedules.STATION_MAX else purpose
        ),
        "chargingProfileKind": arguments["kind"],
        "chargingSchedule": schedules.worded_schedule(arguments["schedules"][0]),
    }
    if arguments.get("transaction_id"):
        content["transactionId"] = int(arguments["transaction_id"])
    return "SetChargingProfile", {
        "connectorId": arguments["evse"],
        "csChargingProfiles": content,
    }


def _fact(sent: Mapping[str, Any]) -> ProfileFact:
    return schedules.profile(sent["csChargingProfiles"], evse=sent["connectorId"])


def on_cleared(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, or Unknown: what matches is not there any more."""
    del answer
    sent = command.payload
    purpose = sent.get("chargingProfilePurpose")
    profiles.record_cleared(
        charge_point_id=command.charge_point_id,
        criteria={
            "profile_id": sent.get("id"),
            "evse": sent.get("connectorId"),
            "purpose": (
                schedules.STATION_MAX
                if purpose == schedules.STATION_MAX_16
                else purpose
            ),
            "stack_level": sent.get("stackLevel"),
        },
        at=at,
    )


def on_composite(command: SentCommand, answer: Payload, at: datetime) -> None:
    """An accepted answer may leave the schedule out: there is no limit."""
    if answer["status"] != "Accepted" or "chargingSchedule" not in answer:
        return
    told = schedules.schedule(
        answer["chargingSchedule"], start=answer.get("scheduleStart")
    )
    told["start_at"] = schedules.instant(answer.get("scheduleStart")) or at
    told["duration_s"] = told["duration_s"] or command.payload["duration"]
    profiles.record_composite(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        evse=answer.get("connectorId") or command.payload["connectorId"] or 0,
        schedule=told,
        at=at,
    )


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = (
    Outgoing(V16, "ClearChargingProfile", PROFILE, on_cleared, repeatable=True),
    Outgoing(V16, "GetCompositeSchedule", PROFILE, on_composite, repeatable=True),
    profile_answers.set_profile(V16, PROFILE, _fact),
)
INTENTS: Final = {profiles.SET: set_charging_profile}
