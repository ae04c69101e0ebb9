"""Bugs that other systems had (design page 3.6): each has a named test that exists.

Most live beside what they guard; here stands which one it is, and the few that belong
nowhere else. A test that is renamed or removed without another one fails here.
"""

import itertools
import re
from pathlib import Path

import pytest

from charge_points.models import Transaction
from charge_points.ocpp.schemas import validate_call
from tests.conformance.charging import allow, start
from tests.conformance.profiles import profile
from tests.conformance.stations import Station

ROOT = Path(__file__).resolve().parents[1]
STARTS_16 = "integration/charge_points/test_transactions_v16.py"

# Bug -> (file, name of the test).
GUARDED = {
    "rejected start consumes the reservation": (
        "conformance/test_reservations.py",
        "test_a_rejected_start_never_uses_a_reservation",
    ),
    "refused start closes the live charge": (
        STARTS_16,
        "test_a_refused_start_closes_no_other_charge",
    ),
    "Absolute profile without startSchedule": (
        "conformance/test_smart_charging.py",
        "test_an_absolute_profile_without_start_is_refused",
    ),
    "zombie connection blocks the reconnect": (
        "integration/gateway/test_connections.py",
        "test_a_new_connection_evicts_the_old_one",
    ),
    "first connection of an unknown station": (
        "integration/gateway/test_services.py",
        "test_an_onboarded_station_is_pending_until_it_is_accepted",
    ),
    "deadlock shown as CALLERROR": (
        "integration/gateway/test_outages.py",
        "test_a_deadlock_is_repeated_inside_and_never_shown",
    ),
    "one station's transaction id used by another": (
        "integration/charge_points/test_metering.py",
        "test_guessing_ids_does_not_flood_the_security_events",
    ),
    "binary floats in multipleOf": (
        "unit/charge_points/ocpp/test_schemas.py",
        "test_every_tenth_is_a_multiple_of_a_tenth",
    ),
    "InternalError, again and again, for a number too large to keep": (
        "conformance/test_fuzzing.py",
        "test_generated_messages_of_every_action_never_harm",
    ),
    "FormatViolation for FormationViolation": (
        "conformance/test_fuzzing.py",
        "test_frames_that_are_no_calls_get_the_right_word",
    ),
    "deadlock of many stations' first reports": (
        "concurrency/charge_points/test_races.py",
        "test_the_first_reports_of_many_stations_never_deadlock",
    ),
    "running cost, CDR and invoice by different formulas": (
        "integration/billing/test_station_displays.py",
        "test_the_bill_ends_the_running_cost",
    ),
    "commands lost with their connection or process": (
        "integration/gateway/test_commands.py",
        "test_a_lost_connection_ends_the_command_and_the_next_one_recovers",
    ),
    "stations lost with a killed process": (
        "integration/gateway/test_supervisor.py",
        "test_a_killed_process_is_started_again_and_its_stations_come_back",
    ),
    "tasks lost at a kill": (
        "faults/test_kill.py",
        "test_every_charge_ends_right_after_a_kill",
    ),
    "commands for a charger of another node lost": (
        "integration/gateway/test_processes.py",
        "test_two_processes_share_a_port_and_a_command_finds_the_right_one",
    ),
    "writes and deletes not scoped by tenant": (
        "integration/cpms/test_tenancy.py",
        "test_another_operators_row_cannot_be_written",
    ),
    "holds never released on the connected account": (
        "integration/providers/test_payments.py",
        "test_cancel_releases_and_may_be_repeated",
    ),
    "OCSP that was only tested against a mock": (
        "conformance/test_revocation.py",
        "test_openssl_asks_our_responder",
    ),
    "weak or default admin passwords": (
        "integration/cpms/test_accounts_services.py",
        "test_a_weak_password_is_refused_and_no_account_is_made",
    ),
}


@pytest.mark.parametrize("bug", GUARDED)
def test_the_guard_of_each_bug_is_there(bug):
    file, name = GUARDED[bug]
    text = (ROOT / file).read_text()

    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), bug


@pytest.mark.parametrize("limit", [8.1, 16.3, 0.7])
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.django_db
def test_multiple_of_is_exact(version, limit):
    sent = profile(Station(version), limit=limit)

    assert validate_call(version, "SetChargingProfile", sent) is None


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(
    ("status", "word"), [("blocked", "Blocked"), ("expired", "Expired")]
)
@pytest.mark.django_db
def test_blocked_and_expired_are_never_told_as_invalid(version, status, word):
    station = Station(version)
    allow(station, "A1", status=status)

    assert start(station, "A1") == word


@pytest.mark.django_db
def test_a_batch_without_energy_resets_nothing():
    station = Station("1.6")
    allow(station, "A1")
    start(station, "A1")
    row = Transaction.objects.get()

    def values(**sample):
        station.later(10)
        station.call(
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": int(row.ocpp_id),
                "meterValue": [{"timestamp": station.stamp, "sampledValue": [sample]}],
            },
        )

    values(value="5000")
    values(value="80", measurand="SoC", unit="Percent")

    row.refresh_from_db()
    assert row.last_energy_wh == 5000


@pytest.mark.django_db
def test_meter_values_belong_to_their_transaction():
    station = Station("1.6")
    allow(station, "A1")
    start(station, "A1")
    station.later(10)
    sample = {"timestamp": station.stamp, "sampledValue": [{"value": "700"}]}

    station.call("MeterValues", {"connectorId": 1, "meterValue": [sample]})

    assert Transaction.objects.get().last_energy_wh == 700


@pytest.mark.django_db
def test_transaction_ids_cannot_be_guessed():
    station = Station("1.6")
    ids = []
    for number in range(8):
        allow(station, f"A{number}", concurrent_allowed=True)
        station.later(5)
        start(station, f"A{number}", evse=1 + number % 2)
        ids.append(int(Transaction.objects.latest("pk").ocpp_id))

    steps = {abs(one - two) for one, two in itertools.pairwise(ids)}
    assert min(steps) > 8
    assert all(0 < one < 2**31 for one in ids)


@pytest.mark.django_db
def test_a_stop_of_another_stations_transaction_ends_nothing():
    station, thief = Station("1.6"), Station("1.6")
    allow(station, "A1")
    start(station, "A1")
    row = Transaction.objects.get()

    thief.call(
        "StopTransaction",
        {
            "transactionId": int(row.ocpp_id),
            "meterStop": 10,
            "timestamp": thief.stamp,
        },
    )

    row.refresh_from_db()
    assert row.state == "active"
