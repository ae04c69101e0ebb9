"""Charging profiles, composite schedules, limits and needs, in both versions."""

from datetime import timedelta
from decimal import Decimal

import orjson
import pytest

from charge_points.handlers.asking import UnableToAsk, check
from charge_points.models import (
    ChargingLimit,
    ChargingNeeds,
    ChargingProfile,
    Command,
    CompositeSchedule,
    Transaction,
)
from charge_points.ocpp.encoding import dump
from charge_points.services import limits
from charge_points.services.facts import VariableFact
from charge_points.services.smart_charging import profiles
from charge_points.services.variables import record
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
BOTH = ("1.6", "2.0.1")


@pytest.fixture(params=BOTH)
def station(request):
    return Station(request.param)


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


def test_an_accepted_profile_is_kept_with_exact_limits(station):
    assert install(station).accepted

    row = active(station)[1]
    assert (row.evse_number, row.stack_level, row.purpose) == (1, 0, "TxDefaultProfile")
    assert row.schedules[0]["periods"][0]["limit"] == "8.1"


def test_a_refused_profile_is_not_kept(station):
    assert not install(station, "Rejected").accepted
    assert active(station) == {}


def test_the_same_place_or_id_is_replaced_and_another_level_is_not(station):
    install(station, key=1)
    install(station, key=2)
    install(station, key=3, level=1)

    assert set(active(station)) == {2, 3}
    install(station, key=3, level=5)
    assert active(station)[3].stack_level == 5


def test_clearing_by_id_leaves_the_others(station):
    install(station, key=1)
    install(station, key=2, level=1)
    sent = {"id": 1} if station.version == "1.6" else {"chargingProfileId": 1}

    station.answer("ClearChargingProfile", sent, {"status": "Accepted"})

    assert set(active(station)) == {2}


def test_clearing_by_criteria(station):
    install(station, key=1)
    install(station, key=2, level=1)
    sent = {"stackLevel": 1}
    if station.version == "2.0.1":
        sent = {"chargingProfileCriteria": sent}

    station.answer("ClearChargingProfile", sent, {"status": "Unknown"})

    assert set(active(station)) == {1}


def test_the_newest_composite_schedule_is_kept(station):
    periods = [{"startPeriod": 0, "limit": 16.5}]
    if station.version == "1.6":
        sent = {"connectorId": 1, "duration": 600}
        answer = {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": station.stamp,
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": periods,
            },
        }
    else:
        sent = {"evseId": 1, "duration": 600}
        answer = {
            "status": "Accepted",
            "schedule": {
                "evseId": 1,
                "duration": 600,
                "scheduleStart": station.stamp,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": periods,
            },
        }
    for _ in range(2):
        station.answer("GetCompositeSchedule", sent, answer)

    row = CompositeSchedule.objects.get()
    assert (row.evse_number, row.duration_s, row.rate_unit) == (1, 600, "A")
    assert row.periods[0]["limit"] == "16.5"


def test_an_absolute_profile_without_start_is_refused(station):
    payload = profile(station)
    text = orjson.dumps(payload).decode()
    bare = orjson.loads(text.replace('"startSchedule":"2026-01-01T00:00:00Z",', ""))

    check(station.version, "SetChargingProfile", payload)
    with pytest.raises(UnableToAsk, match="startSchedule"):
        check(station.version, "SetChargingProfile", bare)


# -- limits of charges ----------------------------------------------------------


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


def charge(station):
    allow(station, "A1")
    start(station, "A1")
    return Transaction.objects.get(charge_point_id=station.id)


def sent_limits(station):
    rows = Command.objects.filter(charge_point_id=station.id, intent=profiles.SET)
    return [station.word(row.intent, row.arguments)[1] for row in rows.order_by("id")]


def content_of(payload):
    found = payload.get("csChargingProfiles") or payload["chargingProfile"]
    schedule = found["chargingSchedule"]
    return found, schedule if isinstance(schedule, dict) else schedule[0]


def test_a_limit_falls_to_zero_at_the_earliest_instant(station):
    takes_profiles(station)
    row = charge(station)

    limits.set_limits(transaction_id=row.pk, energy_limit_wh=11_000, ends_by=None)

    (payload,) = sent_limits(station)
    found, schedule = content_of(payload)
    assert found["chargingProfilePurpose"] == "TxProfile"
    assert str(found["transactionId"]) == row.ocpp_id
    assert schedule["startSchedule"]
    # 11 kWh at the connector's 22 kW take half an hour at least.
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": Decimal(22_000)},
        {"startPeriod": 1800, "limit": Decimal(0)},
    ]
    row.refresh_from_db()
    assert row.limit_profile_until == row.last_seen_at + timedelta(minutes=30)


def test_the_earlier_one_of_two_limits_counts(station):
    takes_profiles(station)
    row = charge(station)
    ends_by = row.last_seen_at + timedelta(minutes=10)

    limits.set_limits(transaction_id=row.pk, energy_limit_wh=11_000, ends_by=ends_by)

    _, schedule = content_of(sent_limits(station)[0])
    assert schedule["chargingSchedulePeriod"][1]["startPeriod"] == 600


def test_amperes_are_exact_decimals():
    station = Station("1.6")
    takes_profiles(station, "Current")
    row = charge(station)

    limits.set_limits(transaction_id=row.pk, energy_limit_wh=11_000, ends_by=None)

    payload = sent_limits(station)[0]
    assert b'"limit":95.6' in dump(payload)


def test_a_station_that_knows_no_profiles_gets_none(station):
    row = charge(station)

    limits.set_limits(transaction_id=row.pk, energy_limit_wh=11_000, ends_by=None)

    assert sent_limits(station) == []


def meter(station, row, wh):
    sample = {"value": str(wh)} if station.version == "1.6" else {"value": wh}
    values = [{"timestamp": station.stamp, "sampledValue": [sample]}]
    if station.version == "1.6":
        station.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": int(row.ocpp_id),
                "meterValue": values,
            },
        )
        return
    station.seq_no = getattr(station, "seq_no", 0) + 1
    station.call(
        "TransactionEvent",
        {
            "eventType": "Updated",
            "timestamp": station.stamp,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": station.seq_no,
            "transactionInfo": {"transactionId": row.ocpp_id},
            "meterValue": values,
        },
    )


def test_a_slow_charge_gets_a_later_end_with_its_meter_values(station):
    takes_profiles(station)
    row = charge(station)
    meter(station, row, 0)
    limits.set_limits(transaction_id=row.pk, energy_limit_wh=11_000, ends_by=None)
    station.later(600)
    meter(station, row, 1000)
    assert len(sent_limits(station)) == 1  # far from the end: nothing to do
    station.later(1080)

    meter(station, row, 3000)

    assert len(sent_limits(station)) == 2
    _, schedule = content_of(sent_limits(station)[1])
    # 8 kWh are left: at least 1309 s at 22 kW.
    assert schedule["chargingSchedulePeriod"][1]["startPeriod"] == 1309


def test_profiles_end_with_their_transaction(station):
    row = charge(station)
    content = {"purpose": "TxProfile", "transactionId": row.ocpp_id}
    if station.version == "1.6":
        content["transactionId"] = int(row.ocpp_id)
    install(station, **content)
    assert profiles.end_with_transactions(at=station.now) == 0

    Transaction.objects.filter(pk=row.pk).update(
        state="ended", ended_at=station.now, energy_wh=0
    )

    assert profiles.end_with_transactions(at=station.now) == 1


# -- what a 2.0.1 station tells ----------------------------------------------------


@pytest.fixture
def new():
    return Station("2.0.1")


def test_reported_profiles_confirm_and_add_k09(new):
    install(new, key=1)
    sent = profile(new, key=1)["chargingProfile"]
    other = profile(new, key=9, purpose="ChargingStationExternalConstraints")
    for source, one in (("CSO", sent), ("EMS", other["chargingProfile"])):
        answer = new.call(
            "ReportChargingProfiles",
            {
                "requestId": 1,
                "chargingLimitSource": source,
                "evseId": 1,
                "chargingProfile": [one],
            },
        )
        assert answer == {}

    rows = active(new)
    assert rows[1].confirmed_at == new.now
    assert rows[9].source == "EMS"


def test_no_profiles_means_that_ours_are_gone_k09(new):
    install(new, key=1)

    new.answer(
        "GetChargingProfiles",
        {"requestId": 1, "chargingProfile": {"stackLevel": 3}},
        {"status": "NoProfiles"},
    )
    assert set(active(new)) == {1}
    new.answer(
        "GetChargingProfiles",
        {"requestId": 2, "evseId": 1, "chargingProfile": {}},
        {"status": "NoProfiles"},
    )
    assert active(new) == {}


def test_an_external_limit_holds_until_it_is_cleared_k12_k13(new):
    new.call(
        "NotifyChargingLimit",
        {
            "evseId": 1,
            "chargingLimit": {"chargingLimitSource": "SO", "isGridCritical": True},
            "chargingSchedule": [
                {
                    "id": 1,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.1}],
                }
            ],
        },
    )
    row = ChargingLimit.objects.get()
    assert row.is_grid_critical
    assert row.schedules[0]["periods"][0]["limit"] == "6.1"

    new.later(60)
    new.call("ClearedChargingLimit", {"chargingLimitSource": "SO", "evseId": 1})

    row.refresh_from_db()
    assert row.cleared_at == new.now


NEEDS = {
    "requestedEnergyTransfer": "DC",
    "dcChargingParameters": {
        "evMaxCurrent": 200,
        "evMaxVoltage": 400,
        "evMaxPower": 80_000,
        "stateOfCharge": 20,
        "energyAmount": 40_000,
    },
}


def test_needs_without_a_charge_are_rejected_k15(new):
    needs = {"evseId": 1, "chargingNeeds": NEEDS}

    assert new.call("NotifyEVChargingNeeds", needs) == {"status": "Rejected"}
    assert ChargingNeeds.objects.get().energy_wh == 40_000


def test_needs_of_a_charge_get_a_profile_k15_and_a_schedule_k17(new):
    row = charge(new)
    needs = {"evseId": 1, "chargingNeeds": NEEDS}

    assert new.call("NotifyEVChargingNeeds", needs) == {"status": "Accepted"}
    assert len(sent_limits(new)) == 1
    answer = new.call(
        "NotifyEVChargingSchedule",
        {
            "timeBase": new.stamp,
            "evseId": 1,
            "chargingSchedule": {
                "id": 1,
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 22000}],
            },
        },
    )

    assert answer == {"status": "Accepted"}
    kept = ChargingNeeds.objects.get(transaction=row)
    assert (kept.soc_percent, kept.power_max_w) == (20, 80_000)
    assert kept.schedule["periods"][0]["limit"] == "22000"
