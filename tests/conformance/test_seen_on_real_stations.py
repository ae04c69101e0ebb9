"""What real stations do wrong (design page 3.3): each has a test where named here.

The codec's quirks have a table of their own (``unit/charge_points/ocpp/test_quirks``).
"""

import re
from pathlib import Path

import pytest

from charge_points.ocpp.quirks import QUIRKS
from charge_points.services.quirk_words import WORDS

ROOT = Path(__file__).resolve().parents[1]

TX16 = "integration/charge_points/test_transactions_v16.py"

TX201 = "integration/charge_points/test_transactions_v201.py"
STOPS_16 = "integration/charge_points/test_stops_v16.py"
LATE_201 = "integration/charge_points/test_late_events_v201.py"

CODEC = "unit/charge_points/ocpp"

GATEWAY = "integration/gateway"

ODD_VALUES = "conformance/test_untidy_values.py"
ODD_CHARGES = "conformance/test_untidy_charges.py"

# What is seen -> (file, name of the test).
SEEN = {
    # Handshake
    "no subprotocol, several subprotocols": (
        "unit/charge_points/gateway/test_handshake.py",
        "test_the_version_follows_the_offer",
    ),
    "the version changes between reconnects": (
        f"{GATEWAY}/test_versions.py",
        "test_a_station_may_come_back_in_another_version",
    ),
    "trailing slash, percent-encoded id": (
        f"{GATEWAY}/test_connections.py",
        "test_only_a_known_address_is_connected",
    ),
    "Connection header without Upgrade": (
        f"{GATEWAY}/test_frames.py",
        "test_an_upgrade_without_connection_header_is_repaired",
    ),
    "absolute URL in the request line": (
        "unit/charge_points/gateway/test_addresses.py",
        "test_known_spellings_of_an_address_are_read",
    ),
    "password as hex text or as decoded bytes": (
        "unit/charge_points/gateway/test_credentials.py",
        "test_hex_text_and_decoded_bytes_are_the_same_password",
    ),
    "empty password": (
        "unit/charge_points/gateway/test_credentials.py",
        "test_an_empty_or_huge_password_never_matches",
    ),
    "pings never answered": (
        f"{GATEWAY}/test_connections.py",
        "test_a_station_that_speaks_but_answers_no_ping_stays_and_is_counted",
    ),
    "half-open duplicates": (
        f"{GATEWAY}/test_connections.py",
        "test_a_new_connection_evicts_the_old_one",
    ),
    # Boot
    "no BootNotification on reconnect": (
        f"{GATEWAY}/test_versions.py",
        "test_a_station_may_come_back_in_another_version",
    ),
    "empty vendor, iccid, imsi; long serial numbers": (
        ODD_VALUES,
        "test_an_untidy_boot",
    ),
    "an early GetConfiguration makes it hang up": (
        "integration/charge_points/test_admission.py",
        "test_a_station_that_waited_is_asked_to_boot_and_what_it_can_do",
    ),
    # JSON
    "null payload, fields of the wrong kind, fields of another version": (
        f"{CODEC}/test_quirks.py",
        "test_a_quirk_is_repaired_and_named",
    ),
    "message ids are not unique": (ODD_VALUES, "test_a_message_id_identifies_nothing"),
    "a CALLRESULT with a wrong id": (
        f"{CODEC}/test_rpc.py",
        "test_an_answer_with_another_id_changes_nothing",
    ),
    "a CALLERROR with id -1": (
        f"{CODEC}/test_rpc.py",
        "test_a_call_error_with_id_minus_one_refuses_the_open_call",
    ),
    "broken JSON": (
        f"{CODEC}/test_rpc.py",
        "test_broken_json_is_answered_and_the_session_goes_on",
    ),
    # Values
    "Celcius, Celsius, Hz": (ODD_VALUES, "test_odd_units_harm_no_energy"),
    "errorCode Error": (ODD_VALUES, "test_an_unknown_error_code_is_an_error"),
    "kWh labelled Wh and the reverse": (ODD_VALUES, "test_a_unit_off_by_a_thousand"),
    "per-phase registers without total": (
        f"{CODEC}/test_sampled_values.py",
        "test_energy_per_phase_is_summed_when_there_is_no_total",
    ),
    "meter values on connector 0": (ODD_VALUES, "test_meter_values_on_connector_0"),
    "2.0.1 status with evseId 0": (
        ODD_VALUES,
        "test_a_status_of_evse_0_is_the_stations",
    ),
    # Time
    "no zone, short zone, space for T, 9 fraction digits": (
        f"{CODEC}/test_timestamps.py",
        "test_times_as_they_are_seen",
    ),
    "local time labelled Z": (ODD_VALUES, "test_local_time_labelled_z_opens_no_door"),
    "1970 after a reboot": (ODD_VALUES, "test_a_clock_of_1970_is_no_offline_start"),
    "we always answer Z": (
        f"{CODEC}/test_timestamps.py",
        "test_format_is_utc_with_milliseconds",
    ),
    # Transactions
    "transactionId -1, 0 or null": (
        ODD_CHARGES,
        "test_values_without_a_transaction_id",
    ),
    "a stop without an id": (
        STOPS_16,
        "test_a_station_that_never_got_its_id_means_its_only_charge",
    ),
    "reservationId 0": (ODD_CHARGES, "test_a_reservation_of_0_is_none"),
    "a stop twice": (STOPS_16, "test_a_stop_is_answered_alike_when_it_comes_twice"),
    "a stop for an unknown transaction": (
        STOPS_16,
        "test_a_stop_without_a_known_start_is_kept_as_a_count",
    ),
    "a stop before its start": (ODD_CHARGES, "test_a_stop_before_its_start_ends_it"),
    "a stop again after a bad reply": (
        ODD_CHARGES,
        "test_a_stop_without_end_ends_once",
    ),
    "duplicate starts": (
        TX16,
        "test_a_repeated_start_gets_the_same_id_and_is_told_once",
    ),
    "queued statuses before queued transactions": (
        ODD_CHARGES,
        "test_queued_statuses_before_queued_transactions",
    ),
    "a backlog of hours on the first connect": (ODD_CHARGES, "test_a_backlog_of_hours"),
    "idTag of 21 characters": (ODD_CHARGES, "test_a_token_of_21_characters_charges"),
    "register reset per boot or session": (ODD_CHARGES, "test_a_register_per_session"),
    "register reset inside one transaction": (
        STOPS_16,
        "test_a_reset_inside_of_a_charge_goes_to_a_person",
    ),
    "meterStop below meterStart or -1": (ODD_CHARGES, "test_a_stop_below_its_start"),
    "meter values after the stop": (
        "integration/charge_points/test_metering.py",
        "test_values_after_a_stop_change_nothing",
    ),
    "2.0.1 Transaction.Begin 0 when offline": (
        ODD_CHARGES,
        "test_a_begin_of_0_bills_no_life",
    ),
    "Started without idToken after a remote start": (
        TX201,
        "test_the_order_attaches_by_the_remote_starts_number",
    ),
    "replay after Ended": (ODD_CHARGES, "test_a_replay_after_ended_changes_nothing"),
    # Certificates
    "CSR without subject": (
        "conformance/test_certificates.py",
        "test_a_request_without_subject_gets_ours",
    ),
    "PKCS#1 v1.5 signatures": (
        "integration/charge_points/test_firmware_files.py",
        "test_a_right_signature_is_kept",
    ),
    "CRLF in PEM": (
        "conformance/test_certificates.py",
        "test_known_misspellings_are_tolerated_and_counted",
    ),
}

METERING = "integration/charge_points/test_metering.py"

ENERGY = "unit/charge_points/services/test_energy.py"

CORRECTIONS = "integration/billing/test_price_corrections.py"

BUGS = "conformance/test_known_bugs.py"

SIGNED = "integration/charge_points/test_signed_values.py"

LIMITS = "conformance/test_limits.py"

# What must hold of transactions (design page 3.4) -> (file, name of the test).
CHARGES = {
    "ids nobody guesses": (BUGS, "test_transaction_ids_cannot_be_guessed"),
    "ids bound to their charge point": (
        BUGS,
        "test_a_stop_of_another_stations_transaction_ends_nothing",
    ),
    "values of another charge point": (
        METERING,
        "test_another_stations_charge_gets_no_values",
    ),
    "a repeated start": (
        TX16,
        "test_a_repeated_start_gets_the_same_id_and_is_told_once",
    ),
    "a repeated start without a clock": (
        ODD_VALUES,
        "test_a_repeat_of_a_station_without_clock_is_a_repeat",
    ),
    "a refused start": (TX16, "test_a_refused_start_closes_no_other_charge"),
    "a refused start and a reservation": (
        TX16,
        "test_a_refused_start_uses_up_no_reservation",
    ),
    "a stop of nothing": (
        STOPS_16,
        "test_a_stop_without_a_known_start_is_kept_as_a_count",
    ),
    "late and out of order": (TX201, "test_a_charge_told_backwards_ends_up_the_same"),
    "late, between charges": (ODD_CHARGES, "test_a_backlog_of_hours"),
    "late after pricing": (
        CORRECTIONS,
        "test_a_late_stop_credits_the_price_and_makes_a_new_one",
    ),
    "the offline flag": (
        LATE_201,
        "test_what_was_queued_offline_is_accepted_as_it_comes",
    ),
    "gaps of seqNo": (TX201, "test_gaps_in_the_numbers_are_noticed"),
    "duplicates of seqNo": (
        TX201,
        "test_repeats_change_nothing_and_are_answered_as_before",
    ),
    "Started is missing": (TX201, "test_a_missing_started_is_made_up_by_what_comes"),
    "Ended has the only values": (
        TX201,
        "test_ended_may_carry_the_only_meter_values",
    ),
    "events after Ended": (
        ODD_CHARGES,
        "test_a_new_event_after_ended_is_kept_and_counted",
    ),
    "contexts Begin and End": (ENERGY, "test_begin_and_end_are_preferred_as_a_pair"),
    "regressions, resets, jumps": (
        ENERGY,
        "test_what_is_not_plausible_goes_to_a_person",
    ),
    "a placeholder begin": (
        ENERGY,
        "test_a_placeholder_start_bills_from_the_first_reading",
    ),
    "no stop": (STOPS_16, "test_a_silent_charge_is_closed_from_its_last_sample"),
    "SoC, voltage, clock-aligned": (
        METERING,
        "test_what_is_no_energy_never_moves_it",
    ),
    "an energy limit": (METERING, "test_a_limit_asks_for_a_stop_once"),
    "a time limit": (METERING, "test_a_time_limit_asks_for_a_stop"),
    "limits on the station": (
        LIMITS,
        "test_a_limit_falls_to_zero_at_the_earliest_instant",
    ),
    "signed values": (
        SIGNED,
        "test_a_wrong_signature_sends_the_charge_to_review_and_keeps_the_text",
    ),
}


@pytest.mark.parametrize("what", [*SEEN, *CHARGES])
def test_what_is_seen_has_a_test(what):
    file, name = {**SEEN, **CHARGES}[what]
    text = (ROOT / file).read_text()

    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), what


def test_every_name_that_is_counted_has_words():
    code = ROOT.parent / "charge_points"
    found = set()
    for path in [*code.glob("gateway/*.py"), *code.glob("services/**/*.py")]:
        names = re.findall(
            r"^(?:QUIRK_\w+|UNKNOWN_TOKEN|STOP_WITHOUT_START|REPEATED_\w+|EVENT_AFTER_END|SEQ_NO_GAP)"
            r': Final = "(\w+)"',
            path.read_text(),
            re.MULTILINE,
        )
        found.update(names)

    assert found
    assert found <= set(WORDS)
    assert not set(WORDS) & set(QUIRKS)
