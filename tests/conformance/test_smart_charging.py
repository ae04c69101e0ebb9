"""Charging profiles, composite schedules, limits and needs, in both versions."""

import orjson
import pytest

from charge_points.handlers.asking import UnableToAsk, check
from charge_points.models import ChargingLimit, ChargingNeeds, CompositeSchedule
from tests.conformance.charging import charge
from tests.conformance.profiles import active, install, profile, sent_limits

pytestmark = pytest.mark.django_db


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
