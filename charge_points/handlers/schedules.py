"""Charging profiles of both versions as domain facts, and back.

Numbers arrive as JSON numbers and leave as exact decimals (8.1 A is 8.1 A).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from charge_points.handlers.registry import Payload
from charge_points.ocpp.timestamps import parse_time
from charge_points.services.smart_charging.profiles import ProfileFact, exact

STATION_MAX_16: Final = "ChargePointMaxProfile"
STATION_MAX: Final = "ChargingStationMaxProfile"


def instant(text: object) -> datetime | None:
    """A time of the wire, None where there is none or it has no sense."""
    return parse_time(text)[0] if text else None


def schedule(sent: Mapping[str, Any], *, start: object = None) -> dict[str, Any]:
    """A ``ChargingSchedule`` of either version; times as sent."""
    rate = sent.get("minChargingRate")
    return {
        "start_at": sent.get("startSchedule", start),
        "duration_s": sent.get("duration"),
        "rate_unit": sent["chargingRateUnit"],
        "min_rate": None if rate is None else exact(rate),
        "periods": [
            {
                "start_s": period["startPeriod"],
                "limit": exact(period["limit"]),
                "phases": period.get("numberPhases"),
            }
            for period in sent["chargingSchedulePeriod"]
        ],
    }


def profile(sent: Mapping[str, Any], *, evse: int) -> ProfileFact:
    """A charging profile of either version."""
    schedules = sent["chargingSchedule"]
    if isinstance(schedules, Mapping):
        schedules = [schedules]
    purpose = sent["chargingProfilePurpose"]
    key = "chargingProfileId" if "chargingProfileId" in sent else "id"
    return ProfileFact(
        evse=evse,
        profile_id=sent[key],
        stack_level=sent["stackLevel"],
        purpose=STATION_MAX if purpose == STATION_MAX_16 else purpose,
        kind=sent["chargingProfileKind"],
        schedules=[schedule(one) for one in schedules],
        recurrency=sent.get("recurrencyKind", ""),
        transaction_id=str(sent.get("transactionId", "")),
        valid_from=instant(sent.get("validFrom")),
        valid_to=instant(sent.get("validTo")),
    )


def worded_schedule(one: Mapping[str, Any]) -> Payload:
    """A schedule as both versions write it, but for its id."""
    payload: Payload = {
        "chargingRateUnit": one["rate_unit"],
        "chargingSchedulePeriod": [
            {"startPeriod": period["start_s"], "limit": Decimal(period["limit"])}
            for period in one["periods"]
        ],
    }
    if one.get("start_at"):
        payload["startSchedule"] = one["start_at"]
    if one.get("duration_s"):
        payload["duration"] = one["duration_s"]
    return payload
