"""OCPP 2.0.1, block K: smart charging."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from charge_points.handlers import profile_answers, schedules
from charge_points.handlers.reading import time_of
from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    Route,
    SentCommand,
)
from charge_points.ocpp.versions import V201
from charge_points.services.smart_charging import needs, profiles
from charge_points.services.smart_charging.profiles import ProfileFact

SCHEDULE_ID: Final = 1


def set_charging_profile(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """SetChargingProfile (K01)."""
    content: Payload = {
        "id": arguments["profile_id"],
        "stackLevel": arguments["stack_level"],
        "chargingProfilePurpose": arguments["purpose"],
        "chargingProfileKind": arguments["kind"],
        "chargingSchedule": [
            {"id": number, **schedules.worded_schedule(one)}
            for number, one in enumerate(arguments["schedules"], SCHEDULE_ID)
        ],
    }
    if arguments.get("transaction_id"):
        content["transactionId"] = arguments["transaction_id"]
    return "SetChargingProfile", {
        "evseId": arguments["evse"],
        "chargingProfile": content,
    }


def _fact(sent: Mapping[str, Any]) -> ProfileFact:
    return schedules.profile(sent["chargingProfile"], evse=sent["evseId"])


def on_cleared(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, or Unknown: what matches is not there any more (K10)."""
    del answer
    sent = command.payload
    criteria = sent.get("chargingProfileCriteria", {})
    profiles.record_cleared(
        charge_point_id=command.charge_point_id,
        criteria={
            "profile_id": sent.get("chargingProfileId"),
            "evse": criteria.get("evseId"),
            "purpose": criteria.get("chargingProfilePurpose"),
            "stack_level": criteria.get("stackLevel"),
        },
        at=at,
    )


def on_composite(command: SentCommand, answer: Payload, at: datetime) -> None:
    """The schedule of an EVSE, or of the grid connection (K08)."""
    told = answer.get("schedule")
    if answer["status"] != "Accepted" or told is None:
        return
    schedule = schedules.schedule(told)
    schedule["start_at"] = schedules.instant(told.get("scheduleStart")) or at
    profiles.record_composite(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        evse=told["evseId"],
        schedule=schedule,
        at=at,
    )


def on_profiles(command: SentCommand, answer: Payload, at: datetime) -> None:
    """NoProfiles to a question without criteria: the station has none (K09)."""
    asked = command.payload
    if answer["status"] == "NoProfiles" and not asked.get("chargingProfile"):
        profiles.record_cleared(
            charge_point_id=command.charge_point_id,
            criteria={"evse": asked.get("evseId")},
            at=at,
        )


def report_charging_profiles(request: Request) -> Answer:
    """ReportChargingProfiles (K09): a part of the answer to GetChargingProfiles."""
    sent = request.payload
    profiles.record_reported(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        facts=[
            schedules.profile(one, evse=sent["evseId"])
            for one in sent["chargingProfile"]
        ],
        source=sent["chargingLimitSource"],
        at=request.received_at,
    )
    return {}


def cleared_charging_limit(request: Request) -> Answer:
    """ClearedChargingLimit (K13)."""
    needs.clear_limit(
        charge_point_id=request.peer.charge_point_id,
        evse=request.payload.get("evseId", 0),
        source=request.payload["chargingLimitSource"],
        at=request.received_at,
    )
    return {}


def notify_charging_limit(request: Request) -> Answer:
    """NotifyChargingLimit (K12, K14): somebody else limits the station."""
    sent = request.payload
    limit = sent["chargingLimit"]
    needs.record_limit(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        evse=sent.get("evseId", 0),
        source=limit["chargingLimitSource"],
        is_grid_critical=limit.get("isGridCritical", False),
        schedules=[schedules.schedule(one) for one in sent.get("chargingSchedule", ())],
        at=request.received_at,
    )
    return {}


def notify_ev_charging_needs(request: Request) -> Answer:
    """NotifyEVChargingNeeds (K15): accepted where a charge can get a schedule."""
    sent = request.payload
    told = sent["chargingNeeds"]
    ac = told.get("acChargingParameters", {})
    dc = told.get("dcChargingParameters", {})
    departure = told.get("departureTime")
    follows = needs.record_needs(
        needs.NeedsFact(
            charge_point_id=request.peer.charge_point_id,
            operator_id=request.peer.operator_id,
            evse=sent["evseId"],
            transfer_mode=told["requestedEnergyTransfer"],
            needs=told,
            received_at=request.received_at,
            energy_wh=ac.get("energyAmount", dc.get("energyAmount")),
            power_max_w=dc.get("evMaxPower"),
            soc_percent=dc.get("stateOfCharge"),
            departure_at=time_of(request, departure) if departure else None,
        )
    )
    return {"status": "Accepted" if follows else "Rejected"}


def notify_ev_charging_schedule(request: Request) -> Answer:
    """NotifyEVChargingSchedule (K17): what the vehicle is going to take."""
    sent = request.payload
    belongs = needs.record_schedule(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        evse=sent["evseId"],
        schedule=schedules.schedule(sent["chargingSchedule"]),
        based_at=time_of(request, sent["timeBase"]),
        at=request.received_at,
    )
    return {"status": "Accepted" if belongs else "Rejected"}


ROUTES: Final = (
    Route(V201, "ClearedChargingLimit", cleared_charging_limit, "one", "K"),
    Route(V201, "NotifyChargingLimit", notify_charging_limit, "one", "K"),
    Route(V201, "NotifyEVChargingNeeds", notify_ev_charging_needs, "one", "K"),
    Route(V201, "NotifyEVChargingSchedule", notify_ev_charging_schedule, "one", "K"),
    Route(V201, "ReportChargingProfiles", report_charging_profiles, "one", "K"),
)
OUTGOING: Final = (
    Outgoing(V201, "ClearChargingProfile", "K", on_cleared, repeatable=True),
    Outgoing(V201, "GetChargingProfiles", "K", on_profiles, repeatable=True),
    Outgoing(V201, "GetCompositeSchedule", "K", on_composite, repeatable=True),
    profile_answers.set_profile(V201, "K", _fact),
)
INTENTS: Final = {profiles.SET: set_charging_profile}
