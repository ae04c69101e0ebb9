"""Limits of charges by charging profiles, in both versions."""

from datetime import timedelta
from decimal import Decimal

import pytest

from charge_points.models import Transaction
from charge_points.ocpp.encoding import dump
from charge_points.services import limits
from charge_points.services.smart_charging import profiles
from tests.conformance.charging import charge
from tests.conformance.profiles import content_of, install, sent_limits, takes_profiles
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


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
