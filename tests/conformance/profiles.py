"""Charging profiles as they are installed on a station."""

from charge_points.models import ChargingProfile, Command
from charge_points.services.facts import VariableFact
from charge_points.services.smart_charging import profiles
from charge_points.services.variables import record


def profile(station, *, key=1, level=0, purpose="TxDefaultProfile", limit=8.1, **more):
    schedule = {
        "chargingRateUnit": "A",
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    content = {
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        **more,
    }
    if station.version == "1.6":
        content |= {"chargingProfileId": key, "chargingSchedule": schedule}
        return {"connectorId": 1, "csChargingProfiles": content}
    content |= {"id": key, "chargingSchedule": [{"id": 1, **schedule}]}
    return {"evseId": 1, "chargingProfile": content}


def install(station, status="Accepted", **more):
    return station.answer(
        "SetChargingProfile", profile(station, **more), {"status": status}
    )


def active(station):
    rows = ChargingProfile.objects.filter(charge_point_id=station.id, state="active")
    return {row.profile_id: row for row in rows}


def takes_profiles(station, unit=None):
    facts = [
        VariableFact(variable="SupportedFeatureProfiles", value="Core,SmartCharging"),
        VariableFact(component="SmartChargingCtrlr", variable="Enabled", value="true"),
    ]
    if unit:
        facts.append(
            VariableFact(variable="ChargingScheduleAllowedChargingRateUnit", value=unit)
        )
    record(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        facts=facts,
        source="test",
        at=station.now,
    )


def sent_limits(station):
    rows = Command.objects.filter(charge_point_id=station.id, intent=profiles.SET)
    return [station.word(row.intent, row.arguments)[1] for row in rows.order_by("id")]


def content_of(payload):
    found = payload.get("csChargingProfiles") or payload["chargingProfile"]
    schedule = found["chargingSchedule"]
    return found, schedule if isinstance(schedule, dict) else schedule[0]
