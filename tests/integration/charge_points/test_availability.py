import pytest

from charge_points.models import (
    ChargingCertificate,
    Connector,
    PlugInEpisode,
    StartHandle,
    TransactionPhase,
)
from charge_points.services import availability, certificates, provisioning
from charge_points.services.connectors import UnableToFindConnector
from charge_points.services.facts import BootFact
from tests.integration.charge_points.world import NOON, ORDER, allow, later, told


def live_episodes():
    return PlugInEpisode.objects.filter(ended_at__isnull=True).count()


def issue(station, at=NOON):
    return certificates.issue(
        connector_id=station.connector().pk,
        request_id="1",
        at=at,
        requested_by="station",
    )


def test_a_report_changes_the_connector_and_is_told(station):
    station.tell_status("faulted", error_code="GroundFailure", info="x", vendor_id="v")
    row = station.connector()
    assert (row.status, row.error_code, row.error_info) == (
        "faulted",
        "GroundFailure",
        "x",
    )
    assert told("ConnectorStatusChanged")[0]["status"] == "faulted"


def test_the_same_status_again_is_not_told(station):
    station.tell_status("available")
    station.tell_status("available", later(minutes=1))
    assert told().count("ConnectorStatusChanged") == 1
    assert station.connector().status_at == later(minutes=1)


def test_an_older_report_changes_nothing_and_begins_no_episode(station):
    station.tell_status("available", later(minutes=10))
    station.tell_status("preparing", later(minutes=5))
    assert station.connector().status == "available"
    assert live_episodes() == 0


def test_a_clock_that_runs_ahead_is_taken_back_to_the_arrival(station):
    station.tell_status("available", later(days=1), received_at=NOON)
    station.tell_status("preparing", later(minutes=1))
    assert station.connector().status == "preparing"


@pytest.mark.parametrize("status", ["preparing", "occupied", "charging"])
def test_plugging_in_begins_an_episode_once(station, status):
    station.tell_status("available")
    station.tell_status(status, later(minutes=1))
    station.tell_status("suspended_ev", later(minutes=2))
    episode = PlugInEpisode.objects.get()
    assert episode.started_at == later(minutes=1)
    assert episode.ended_at is None


@pytest.mark.parametrize("status", ["available", "unavailable"])
def test_unplugging_ends_it(station, status):
    station.tell_status("preparing")
    station.tell_status(status, later(minutes=1))
    assert PlugInEpisode.objects.get().ended_at == later(minutes=1)


def test_a_fault_does_not_unplug(station):
    station.tell_status("preparing")
    station.tell_status("faulted", later(minutes=1))
    assert live_episodes() == 1


def test_a_set_is_applied_in_the_order_of_its_times(station):
    availability.report_status(
        [
            station.status("preparing", later(minutes=2)),
            station.status("available", later(minutes=1)),
        ]
    )
    assert station.connector().status == "preparing"
    assert live_episodes() == 1


def test_leaving_and_coming_within_one_set_is_two_episodes(station):
    station.tell_status("preparing")
    availability.report_status(
        [
            station.status("available", later(minutes=1)),
            station.status("preparing", later(minutes=2)),
        ]
    )
    assert PlugInEpisode.objects.count() == 2
    assert live_episodes() == 1


def test_connector_0_is_the_station_itself(station):
    availability.report_status(
        [
            station.status("faulted", later(minutes=1), evse=0, connector=0),
            station.status("available", NOON, evse=0, connector=0),
        ]
    )
    assert station.row.status == "faulted"
    station.tell_status("available", NOON, evse=0, connector=0)
    assert station.row.status == "faulted"


def test_a_connector_nobody_listed_is_added(station):
    station.tell_status("available", evse=3)
    assert Connector.objects.get(evse_number=3).status == "available"


def test_a_connector_that_cannot_exist_is_refused(station):
    with pytest.raises(UnableToFindConnector):
        station.tell_status("available", evse=999)


def test_an_unplug_kills_the_certificate_that_waits(station):
    station.tell_status("preparing")
    issue(station)
    station.tell_status("available", later(minutes=1))
    assert ChargingCertificate.objects.get().state == "revoked"


def test_an_unplug_before_the_start_fails_the_claimed_order(station):
    station.tell_status("preparing")
    issued = issue(station)
    certificates.claim(
        presented=issued.code, order_number=ORDER, idempotency_key="", at=NOON
    )
    station.ask_start()
    station.tell_status("available", later(minutes=1))
    assert ChargingCertificate.objects.get().state == "failed"
    assert StartHandle.objects.get().state == "failed"
    assert told("StartFailed") == [{"order_number": ORDER, "reason": "unplugged"}]


def test_an_unplug_ends_the_idle_phase_once(station):
    allow("tag")
    station.tell_status("preparing")
    began = station.start("tag")
    station.stop(began.ocpp_id, later(minutes=10), 2000)
    station.tell_status("available", later(minutes=20))
    station.tell_status("unavailable", later(minutes=21))
    unplugged = told("Unplugged")
    assert len(unplugged) == 1
    assert unplugged[0]["transaction_id"] == began.transaction_id
    assert unplugged[0]["at"] == "2026-05-04T12:20:00Z"


def test_a_reboot_ends_episodes_and_kills_certificates(station):
    station.tell_status("preparing")
    issue(station)
    provisioning.boot(fact=BootFact(**station.who, received_at=later(minutes=1)))
    assert live_episodes() == 0
    assert ChargingCertificate.objects.get().state == "revoked"
    assert station.connector().status_at is None


def test_after_a_reboot_a_plug_that_is_still_in_begins_a_new_episode(station):
    station.tell_status("preparing")
    provisioning.boot(fact=BootFact(**station.who, received_at=later(minutes=1)))
    station.tell_status("preparing", later(minutes=2))
    assert live_episodes() == 1


def test_a_claimed_certificate_survives_a_reboot(station):
    station.tell_status("preparing")
    issued = issue(station)
    certificates.claim(
        presented=issued.code, order_number=ORDER, idempotency_key="", at=NOON
    )
    provisioning.boot(fact=BootFact(**station.who, received_at=later(minutes=1)))
    assert ChargingCertificate.objects.get().state == "claimed"


def test_suspension_is_parking_and_charging_is_charging(station):
    allow("tag")
    station.start("tag")
    station.tell_status("charging", later(minutes=1))
    station.tell_status("suspended_ev", later(minutes=5))
    phases = TransactionPhase.objects.order_by("starts_at")
    assert [(p.state, p.starts_at) for p in phases] == [
        ("charging", later(minutes=1)),
        ("parking", later(minutes=5)),
    ]
