"""Stations with slow clocks, and stations that let a refused charge run."""

from datetime import timedelta

import pytest

from charge_points.models import ChargePoint, Command, SecurityEvent, Transaction
from cpms.outbox.models import EventRecord
from tests.conformance.charging import allow
from tests.conformance.stations import Station
from tests.integration.charge_points.world import NOON

SLOW = timedelta(minutes=50)
VERSIONS = ["1.6", "2.0.1"]

pytestmark = pytest.mark.django_db


def stamp(at):
    return at.isoformat().replace("+00:00", "Z")


def connected(version, *, minutes=10):
    station = Station(version, now=NOON)
    ChargePoint.objects.filter(pk=station.id).update(
        connected_at=NOON - timedelta(minutes=minutes), disconnected_at=None
    )
    return station


def start(station, token, *, behind=timedelta(0), meter=1000, **more):
    """A start told now by a clock that is behind; returns the answer's status."""
    if station.version == "1.6":
        sent = {
            "connectorId": 1,
            "idTag": token,
            "meterStart": meter,
            "timestamp": stamp(station.now - behind),
        }
        answer = station.call("StartTransaction", sent)
        station.number = answer["transactionId"]
        return answer["idTagInfo"]["status"]
    sent = event("Started", station.now - behind, 0, meter)
    sent["idToken"] = {"idToken": token, "type": "ISO14443"}
    return station.call("TransactionEvent", {**sent, **more})["idTokenInfo"]["status"]


def event(kind, at, number, meter):
    return {
        "eventType": kind,
        "timestamp": stamp(at),
        "triggerReason": "MeterValuePeriodic" if kind == "Updated" else "Authorized",
        "seqNo": number,
        "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": stamp(at), "sampledValue": [{"value": meter}]}],
    }


def meter(station, wh, *, number=1):
    """The station lets energy flow and says so."""
    station.later(60)
    if station.version == "2.0.1":
        station.call("TransactionEvent", event("Updated", station.now, number, wh))
        return
    sample = {"value": str(wh), "unit": "Wh"}
    values = [{"timestamp": station.stamp, "sampledValue": [sample]}]
    sent = {"connectorId": 1, "transactionId": station.number, "meterValue": values}
    station.call("MeterValues", sent)


def end(station, wh, *, number=2):
    station.later(60)
    if station.version == "2.0.1":
        station.call("TransactionEvent", event("Ended", station.now, number, wh))
        return
    sent = {
        "transactionId": station.number,
        "meterStop": wh,
        "timestamp": station.stamp,
        "reason": "DeAuthorized",
    }
    station.call("StopTransaction", sent)


def status(station, connector, *, behind):
    sent = {
        "connectorId": connector,
        "errorCode": "NoError",
        "status": "Available",
        "timestamp": stamp(station.now - behind),
    }
    station.call("StatusNotification", sent)


def told(topic):
    found = EventRecord.objects.filter(topic=topic).order_by("id")
    return [row.payload for row in found]


# -- clocks --------------------------------------------------------------------------


def test_a_slow_clock_makes_no_offline_start_in_201():
    station = connected("2.0.1")

    assert start(station, "NOBODY", behind=SLOW) == "Unknown"
    row = Transaction.objects.get()
    assert (row.offline, row.started_by) == (False, "")
    assert told("TransactionStarted") == []


def test_201_says_itself_what_began_offline():
    station = connected("2.0.1")
    start(station, "NOBODY", behind=SLOW, offline=True)

    row = Transaction.objects.get()
    assert (row.offline, row.started_by) == (True, "offline")


def test_a_16_station_shows_its_slow_clock_by_its_other_statuses():
    station = connected("1.6")
    status(station, 0, behind=SLOW)

    assert start(station, "NOBODY", behind=SLOW) == "Invalid"
    row = Transaction.objects.get()
    assert (row.state, row.offline) == ("refused", False)


def test_a_16_start_older_than_the_slow_clock_explains_began_offline():
    station = connected("1.6")
    status(station, 0, behind=SLOW)
    start(station, "NOBODY", behind=3 * SLOW)

    assert Transaction.objects.get().started_by == "offline"


def test_the_statuses_of_an_offline_charge_are_no_witness_of_a_slow_clock():
    station = connected("1.6")
    status(station, 1, behind=SLOW)
    start(station, "NOBODY", behind=SLOW)

    assert Transaction.objects.get().started_by == "offline"


def test_a_clock_that_is_right_hides_no_offline_start():
    station = connected("1.6")
    status(station, 0, behind=timedelta(0))
    status(station, 2, behind=SLOW)
    start(station, "NOBODY", behind=SLOW)

    assert Transaction.objects.get().started_by == "offline"


# -- refused, and run all the same ---------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_charge_that_draws_energy_is_stopped_and_seen(version):
    station = connected(version)
    allow(station, "A1", status="blocked")
    assert start(station, "A1") == "Blocked"
    assert told("TransactionStarted") == []
    meter(station, 1500)

    charge = Transaction.objects.get()
    stop = Command.objects.get(intent="stop")
    assert (stop.arguments["transaction_id"], stop.state) == (charge.ocpp_id, "queued")
    seen = SecurityEvent.objects.get()
    assert (seen.kind, seen.severity) == ("ChargeAfterRefusal", "critical")
    assert "Blocked" in seen.detail
    (begun,) = told("TransactionStarted")
    assert (begun["started_by"], begun["id_token"]) == ("refused", "A1")
    # Once each, however much more flows.
    meter(station, 2500, number=2)
    end(station, 3000, number=3)
    assert Command.objects.filter(intent="stop").count() == 1
    assert SecurityEvent.objects.count() == 1
    (ended,) = told("TransactionEnded")
    assert (ended["review_reason"], ended["energy_wh"]) == (
        "energy_after_refusal",
        2000,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_charge_whose_energy_shows_at_its_end_is_seen(version):
    station = connected(version)
    start(station, "NOBODY")
    end(station, 3000)

    assert SecurityEvent.objects.get().kind == "ChargeAfterRefusal"
    assert [each["started_by"] for each in told("TransactionStarted")] == ["refused"]
    (ended,) = told("TransactionEnded")
    assert ended["review_reason"] == "energy_after_refusal"
    assert not Command.objects.filter(intent="stop").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_obeys_a_refusal_tells_nobody_anything(version):
    station = connected(version)
    start(station, "NOBODY")
    meter(station, 1040)
    end(station, 1060)

    assert not SecurityEvent.objects.exists()
    assert not Command.objects.exists()
    assert told("TransactionStarted") + told("TransactionEnded") == []
    # A person sees it in the list of transactions all the same.
    assert Transaction.objects.get().review_reason == "energy_after_refusal"


def test_no_later_token_takes_over_a_refused_charge_that_ran():
    station = connected("2.0.1")
    allow(station, "GOOD")
    start(station, "NOBODY")
    meter(station, 2000)
    late = event("Updated", station.now, 2, 2000)
    late["idToken"] = {"idToken": "GOOD", "type": "ISO14443"}
    station.call("TransactionEvent", late)

    assert Transaction.objects.get().started_by == ""
    assert len(told("TransactionStarted")) == 1


def test_a_second_token_takes_over_a_refused_charge_that_drew_nothing():
    station = connected("2.0.1")
    allow(station, "GOOD")
    start(station, "NOBODY")
    second = event("Updated", station.now, 1, 1000)
    second["idToken"] = {"idToken": "GOOD", "type": "ISO14443"}
    answer = station.call("TransactionEvent", second)

    assert answer["idTokenInfo"]["status"] == "Accepted"
    meter(station, 2000, number=2)
    end(station, 3000, number=3)
    assert [each["started_by"] for each in told("TransactionStarted")] == ["token"]
    assert not SecurityEvent.objects.exists()
    assert Transaction.objects.get().review_reason == ""
