"""Availability, reset and unlock while a charge runs: kept until they take effect."""

import json

import pytest
from django.urls import reverse

from charge_points.handlers.v16.outgoing import UnableToTranslate
from charge_points.models import Command, DeferredChange, Transaction
from charge_points.services import deferred_changes
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station
from tests.integration.charge_points.admin_world import make_staff
from tests.integration.charge_points.api_world import STATIONS, system_of

pytestmark = pytest.mark.django_db
VERSIONS = ["1.6", "2.0.1"]
BOOTS = {
    "1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "2.0.1": {
        "reason": "ScheduledReset",
        "chargingStation": {"vendorName": "V", "model": "M"},
    },
}


def change(station, word, evse=0, status="Scheduled"):
    """The station answers a ChangeAvailability."""
    if station.version == "1.6":
        sent = {"connectorId": evse, "type": word}
    else:
        sent = {"operationalStatus": word}
        if evse:
            sent["evse"] = {"id": evse}
    return station.answer("ChangeAvailability", sent, {"status": status})


def tell(station, word, evse=1):
    station.later(1)
    if station.version == "1.6":
        words = {"Occupied": "Charging"}
        sent = {
            "connectorId": evse,
            "errorCode": "NoError",
            "status": words.get(word, word),
        }
    else:
        sent = {
            "timestamp": station.stamp,
            "evseId": evse,
            "connectorId": 1,
            "connectorStatus": word,
        }
    assert station.call("StatusNotification", sent) == {}


def open_changes():
    return [
        (row.kind, row.evse_number, row.connector_number)
        for row in DeferredChange.objects.filter(ended_at=None).order_by("pk")
    ]


def ends():
    return list(DeferredChange.objects.order_by("pk").values_list("end", flat=True))


@pytest.mark.parametrize("version", VERSIONS)
def test_out_of_service_waits_for_the_end_of_the_charge(version):
    station = Station(version)
    tell(station, "Occupied")
    outcome = change(station, "Inoperative", evse=1)

    assert (outcome.accepted, outcome.status) == (True, "Scheduled")
    tell(station, "Available", evse=2)
    tell(station, "Unavailable", evse=2)
    assert [row[:2] for row in open_changes()] == [("inoperative", 1)]
    tell(station, "Unavailable")
    assert (open_changes(), ends()) == ([], ["done"])
    assert DeferredChange.objects.get().ended_at == station.now


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_station_is_out_of_service_when_all_its_connectors_are(version):
    station = Station(version)
    tell(station, "Occupied")
    change(station, "Inoperative")

    tell(station, "Unavailable", evse=2)
    assert open_changes() == [("inoperative", 0, 0)]
    tell(station, "Unavailable", evse=1)
    assert open_changes() == []


def test_the_station_itself_may_say_so_in_1_6():
    station = Station("1.6")
    change(station, "Inoperative")
    tell(station, "Unavailable", evse=0)

    assert (open_changes(), ends()) == ([], ["done"])


@pytest.mark.parametrize("version", VERSIONS)
def test_back_in_service_waits_for_a_state_other_than_unavailable(version):
    station = Station(version)
    tell(station, "Unavailable")
    change(station, "Operative", evse=1)

    tell(station, "Available", evse=2)
    assert [row[0] for row in open_changes()] == ["operative"]
    tell(station, "Available")
    assert (open_changes(), ends()) == ([], ["done"])


@pytest.mark.parametrize("version", VERSIONS)
def test_another_change_takes_the_place_of_the_one_that_waits(version):
    station = Station(version)
    change(station, "Inoperative", evse=1)
    change(station, "Inoperative", evse=2)
    change(station, "Operative", evse=1, status="Accepted")

    assert [row[:2] for row in open_changes()] == [("inoperative", 2)]
    change(station, "Operative")
    assert [row[:2] for row in open_changes()] == [("operative", 0)]
    assert ends() == ["replaced", "replaced", ""]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_change_leaves_the_older_one(version):
    station = Station(version)
    change(station, "Inoperative", evse=1)
    outcome = change(station, "Operative", evse=1, status="Rejected")

    assert not outcome.accepted
    assert [row[0] for row in open_changes()] == ["inoperative"]


def test_a_change_of_one_connector_is_kept_with_it():
    station = Station("2.0.1")
    sent = {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 1}}
    station.answer("ChangeAvailability", sent, {"status": "Scheduled"})

    assert open_changes() == [("inoperative", 1, 1)]


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        ({"kind": "on_idle"}, {"type": "OnIdle"}),
        ({"kind": "immediate"}, {"type": "Immediate"}),
        ({"kind": "on_idle", "evse": 2}, {"type": "OnIdle", "evseId": 2}),
    ],
)
def test_reset_of_2_0_1_on_idle_or_at_once_or_of_one_evse(arguments, payload):
    assert Station("2.0.1").word("reset", arguments) == ("Reset", payload)


def test_reset_of_1_6_is_soft_or_hard_and_of_the_whole_station():
    station = Station("1.6")

    assert station.word("reset", {"kind": "on_idle"}) == ("Reset", {"type": "Soft"})
    assert station.word("reset", {"kind": "immediate"}) == ("Reset", {"type": "Hard"})
    with pytest.raises(UnableToTranslate, match="whole charge point"):
        station.word("reset", {"kind": "immediate", "evse": 1})


def test_a_reset_on_idle_is_done_when_the_station_boots():
    station = Station("2.0.1")
    outcome = station.answer("Reset", {"type": "OnIdle"}, {"status": "Scheduled"})

    assert outcome.accepted
    tell(station, "Available")
    assert open_changes() == [("reset", 0, 0)]
    station.call("BootNotification", BOOTS["2.0.1"])
    assert (open_changes(), ends()) == ([], ["done"])


def test_a_reset_of_one_evse_is_done_when_it_tells_anew_after_its_charge():
    station = Station("2.0.1")
    allow(station, "A1")
    assert start(station, "A1") == "Accepted"
    station.later(5)
    sent = {"type": "OnIdle", "evseId": 1}
    station.answer("Reset", sent, {"status": "Scheduled"})

    tell(station, "Occupied")
    assert open_changes() == [("reset", 1, 0)]
    Transaction.objects.update(
        state="ended", ended_at=station.now, energy_wh=0, end_received_at=station.now
    )
    tell(station, "Available")
    assert (open_changes(), ends()) == ([], ["done"])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_boot_ends_no_change_of_availability(version):
    station = Station(version)
    change(station, "Inoperative", evse=1)
    station.call("BootNotification", BOOTS[version])

    assert [row[0] for row in open_changes()] == ["inoperative"]


@pytest.mark.parametrize(
    ("status", "accepted", "word"),
    [
        ("Unlocked", True, ""),
        ("OngoingAuthorizedTransaction", False, "stop it first"),
        ("UnlockFailed", False, "stuck"),
        ("UnknownConnector", False, "no such connector"),
    ],
)
def test_unlock_during_a_charge_is_refused_in_words(status, accepted, word):
    station = Station("2.0.1")
    sent = {"evseId": 1, "connectorId": 1}
    outcome = station.answer("UnlockConnector", sent, {"status": status})

    assert (outcome.accepted, outcome.status) == (accepted, status)
    assert word in outcome.detail


@pytest.mark.parametrize(
    ("version", "action", "payload", "word"),
    [
        ("1.6", "UnlockConnector", {"connectorId": 1}, "ends it first"),
        ("2.0.1", "UnlockConnector", {"evseId": 1, "connectorId": 1}, "will refuse"),
        ("1.6", "Reset", {"type": "Soft"}, "the reset ends it"),
        ("2.0.1", "Reset", {"type": "Immediate"}, "the reset ends it"),
        ("2.0.1", "Reset", {"type": "Immediate", "evseId": 1}, "the reset ends it"),
        (
            "1.6",
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
            "waits",
        ),
        (
            "2.0.1",
            "ChangeAvailability",
            {"operationalStatus": "Inoperative", "evse": {"id": 1}},
            "waits",
        ),
    ],
)
def test_the_operator_is_warned_of_a_charge_in_the_way(
    version, action, payload, word, client, as_role
):
    station = Station(version)
    client.force_login(make_staff("t@example.org", station.operator_id, "technician"))
    address = reverse("admin:charge_points_chargepoint_send", args=[station.id])
    allow(station, "A1")
    assert start(station, "A1") == "Accepted"
    fields = {
        "action": action,
        "payload": json.dumps(payload),
        "key": "k1",
        "lifetime": "10",
    }
    with as_role("app"):
        warned = client.post(address, fields)
        assert word in warned.content.decode()
        assert not Command.objects.filter(action=action).exists()
        client.post(address, {**fields, "confirmed": "1"})
    assert Command.objects.filter(action=action).count() == 1


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("1.6", "UnlockConnector", {"connectorId": 2}),
        ("2.0.1", "Reset", {"type": "OnIdle"}),
        ("1.6", "ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
        ("2.0.1", "ChangeAvailability", {"operationalStatus": "Operative"}),
        ("1.6", "GetConfiguration", {}),
    ],
)
def test_nobody_is_warned_of_what_harms_no_charge(version, action, payload):
    station = Station(version)
    allow(station, "A1")
    assert start(station, "A1") == "Accepted"

    assert (
        deferred_changes.charges_in_the_way(
            charge_point_id=station.id,
            version=version,
            action=action,
            payload=payload,
        )
        == []
    )


def test_what_waits_is_shown_on_the_page_and_by_rest(client, as_role):
    station = Station("2.0.1")
    change(station, "Inoperative", evse=2)
    caller = system_of(as_role, "op")
    path = f"{STATIONS}/{station.identity}/deferred-changes"

    (row,) = caller.rows(path)
    assert (row["kind"], row["evse"], row["ended_at"]) == ("inoperative", 2, None)
    client.force_login(make_staff("v@example.org", station.operator_id, "viewer"))
    address = reverse("admin:charge_points_chargepoint_change", args=[station.id])
    with as_role("app"):
        page = client.get(address)
    assert b"Scheduled by the station" in page.content
    assert b"EVSE 2" in page.content
