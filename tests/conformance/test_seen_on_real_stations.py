"""What real stations do wrong (design page 3.3): each has a test, here or where named.

The codec's quirks have a table of their own (``unit/charge_points/ocpp/test_quirks``).
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from charge_points.models import (
    ChargePoint,
    Connector,
    MeterValue,
    QuirkCount,
    Transaction,
)
from charge_points.ocpp.quirks import QUIRKS
from charge_points.services.quirk_words import WORDS
from cpms.outbox.models import EventRecord
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station

ROOT = Path(__file__).resolve().parents[1]
TX16 = "integration/charge_points/test_transactions_v16.py"
TX201 = "integration/charge_points/test_transactions_v201.py"
CODEC = "unit/charge_points/ocpp"
GATEWAY = "integration/gateway"
HERE = "conformance/test_seen_on_real_stations.py"

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
    "empty vendor, iccid, imsi; long serial numbers": (HERE, "test_an_untidy_boot"),
    "an early GetConfiguration makes it hang up": (
        "integration/charge_points/test_admission.py",
        "test_a_station_that_waited_is_asked_to_boot_and_what_it_can_do",
    ),
    # JSON
    "null payload, fields of the wrong kind, fields of another version": (
        f"{CODEC}/test_quirks.py",
        "test_a_quirk_is_repaired_and_named",
    ),
    "message ids are not unique": (HERE, "test_a_message_id_identifies_nothing"),
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
    "Celcius, Celsius, Hz": (HERE, "test_odd_units_harm_no_energy"),
    "errorCode Error": (HERE, "test_an_unknown_error_code_is_an_error"),
    "kWh labelled Wh and the reverse": (HERE, "test_a_unit_off_by_a_thousand"),
    "per-phase registers without total": (
        f"{CODEC}/test_sampled_values.py",
        "test_energy_per_phase_is_summed_when_there_is_no_total",
    ),
    "meter values on connector 0": (HERE, "test_meter_values_on_connector_0"),
    "2.0.1 status with evseId 0": (HERE, "test_a_status_of_evse_0_is_the_stations"),
    # Time
    "no zone, short zone, space for T, 9 fraction digits": (
        f"{CODEC}/test_timestamps.py",
        "test_times_as_they_are_seen",
    ),
    "local time labelled Z": (HERE, "test_local_time_labelled_z_opens_no_door"),
    "1970 after a reboot": (HERE, "test_a_clock_of_1970_is_no_offline_start"),
    "we always answer Z": (
        f"{CODEC}/test_timestamps.py",
        "test_format_is_utc_with_milliseconds",
    ),
    # Transactions
    "transactionId -1, 0 or null": (HERE, "test_values_without_a_transaction_id"),
    "a stop without an id": (
        TX16,
        "test_a_station_that_never_got_its_id_means_its_only_charge",
    ),
    "reservationId 0": (HERE, "test_a_reservation_of_0_is_none"),
    "a stop twice": (TX16, "test_a_stop_is_answered_alike_when_it_comes_twice"),
    "a stop for an unknown transaction": (
        TX16,
        "test_a_stop_without_a_known_start_is_kept_as_a_count",
    ),
    "a stop before its start": (HERE, "test_a_stop_before_its_start_ends_it"),
    "a stop again after a bad reply": (HERE, "test_a_stop_without_end_ends_once"),
    "duplicate starts": (
        TX16,
        "test_a_repeated_start_gets_the_same_id_and_is_told_once",
    ),
    "queued statuses before queued transactions": (
        HERE,
        "test_queued_statuses_before_queued_transactions",
    ),
    "a backlog of hours on the first connect": (HERE, "test_a_backlog_of_hours"),
    "idTag of 21 characters": (HERE, "test_a_token_of_21_characters_charges"),
    "register reset per boot or session": (HERE, "test_a_register_per_session"),
    "register reset inside one transaction": (
        TX16,
        "test_a_reset_inside_of_a_charge_goes_to_a_person",
    ),
    "meterStop below meterStart or -1": (HERE, "test_a_stop_below_its_start"),
    "meter values after the stop": (
        "integration/charge_points/test_metering.py",
        "test_values_after_a_stop_change_nothing",
    ),
    "2.0.1 Transaction.Begin 0 when offline": (HERE, "test_a_begin_of_0_bills_no_life"),
    "Started without idToken after a remote start": (
        TX201,
        "test_the_order_attaches_by_the_remote_starts_number",
    ),
    "replay after Ended": (HERE, "test_a_replay_after_ended_changes_nothing"),
    # Certificates
    "CSR without subject": (
        "conformance/test_certificates.py",
        "test_a_request_without_subject_gets_ours",
    ),
    "PKCS#1 v1.5 signatures": (
        "integration/charge_points/test_transfers.py",
        "test_a_right_signature_is_kept",
    ),
    "CRLF in PEM": (
        "conformance/test_certificates.py",
        "test_known_misspellings_are_tolerated_and_counted",
    ),
}


METERING = "integration/charge_points/test_metering.py"
ENERGY = "unit/charge_points/services/test_energy.py"
PRICING = "integration/billing/test_pricing.py"
BUGS = "conformance/test_known_bugs.py"
SIGNED = "integration/charge_points/test_signed_values.py"
SMART = "conformance/test_smart_charging.py"

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
        HERE,
        "test_a_repeat_of_a_station_without_clock_is_a_repeat",
    ),
    "a refused start": (TX16, "test_a_refused_start_closes_no_other_charge"),
    "a refused start and a reservation": (
        TX16,
        "test_a_refused_start_uses_up_no_reservation",
    ),
    "a stop of nothing": (TX16, "test_a_stop_without_a_known_start_is_kept_as_a_count"),
    "late and out of order": (TX201, "test_a_charge_told_backwards_ends_up_the_same"),
    "late, between charges": (HERE, "test_a_backlog_of_hours"),
    "late after pricing": (
        PRICING,
        "test_a_late_stop_credits_the_price_and_makes_a_new_one",
    ),
    "the offline flag": (TX201, "test_what_was_queued_offline_is_accepted_as_it_comes"),
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
    "events after Ended": (HERE, "test_a_new_event_after_ended_is_kept_and_counted"),
    "contexts Begin and End": (ENERGY, "test_begin_and_end_are_preferred_as_a_pair"),
    "regressions, resets, jumps": (
        ENERGY,
        "test_what_is_not_plausible_goes_to_a_person",
    ),
    "a placeholder begin": (
        ENERGY,
        "test_a_placeholder_start_bills_from_the_first_reading",
    ),
    "no stop": (TX16, "test_a_silent_charge_is_closed_from_its_last_sample"),
    "SoC, voltage, clock-aligned": (
        METERING,
        "test_what_is_no_energy_never_moves_it",
    ),
    "an energy limit": (METERING, "test_a_limit_asks_for_a_stop_once"),
    "a time limit": (METERING, "test_a_time_limit_asks_for_a_stop"),
    "limits on the station": (
        SMART,
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


# -- helpers -------------------------------------------------------------------------

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
at_database = pytest.mark.django_db


def zulu(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def begin(station, token="A1", meter=0, at=None, evse=1, **more):
    """The whole answer to a StartTransaction."""
    sent = {
        "connectorId": evse,
        "idTag": token,
        "meterStart": meter,
        "timestamp": zulu(at or station.now),
        **more,
    }
    return station.call("StartTransaction", sent)


def stop(station, number, meter, at=None, **more):
    sent = {
        "transactionId": number,
        "meterStop": meter,
        "timestamp": zulu(at or station.now),
        **more,
    }
    return station.call("StopTransaction", sent)


def values(station, *samples, number=None, connector=1, at=None):
    sent = {
        "connectorId": connector,
        "meterValue": [
            {"timestamp": zulu(at or station.now), "sampledValue": list(samples)}
        ],
    }
    if number is not None:
        sent["transactionId"] = number
    return station.call("MeterValues", sent)


def old(**more):
    return Station("1.6", now=NOON, **more)


# -- boot and JSON -------------------------------------------------------------------


@at_database
def test_an_untidy_boot():
    station = old()
    answer = station.call(
        "BootNotification",
        {
            "chargePointVendor": "",
            "chargePointModel": "M",
            "iccid": "",
            "imsi": "",
            "chargePointSerialNumber": "S" * 33,
            "chargeBoxSerialNumber": "B" * 26,
        },
    )

    assert answer["status"] == "Accepted"
    row = ChargePoint.objects.get(pk=station.id)
    assert (row.vendor, row.iccid, row.serial_number) == ("", "", "S" * 33)
    assert "string_too_long" in station.quirks


@at_database
def test_a_message_id_identifies_nothing():
    # Station.call gives every CALL the same id, as many firmwares do.
    station = old()
    allow(station, "A1", "A2", concurrent_allowed=True)
    first, second = begin(station, "A1"), begin(station, "A2", evse=2)

    assert first["transactionId"] != second["transactionId"]
    assert Transaction.objects.count() == 2


# -- values --------------------------------------------------------------------------


@at_database
@pytest.mark.parametrize("unit", ["Celcius", "Celsius", "Hz"])
def test_odd_units_harm_no_energy(unit):
    station = old()
    allow(station, "A1")
    number = begin(station)["transactionId"]
    measurand = "Frequency" if unit == "Hz" else "Temperature"
    odd = {"value": "50", "unit": unit, "measurand": measurand}
    station.later(60)
    values(station, odd, {"value": "700"}, number=number)

    assert Transaction.objects.get().last_energy_wh == 700


@at_database
def test_an_unknown_error_code_is_an_error():
    station = old()
    sent = {"connectorId": 1, "status": "Faulted", "errorCode": "Error"}

    assert station.call("StatusNotification", sent) == {}
    row = Connector.objects.get(charge_point_id=station.id, evse_number=1)
    assert (row.status, row.error_code) == ("faulted", "OtherError")
    assert "unknown_error_code" in station.quirks


@at_database
@pytest.mark.parametrize(
    ("unit", "begins", "ends", "meter_stop", "reason"),
    [
        # 20 kWh told as 20 000 kWh, with and without the message's own register.
        ("kWh", "1000", "21000", 21_000, "energy_jump"),
        # 20 kWh told as 20 Wh: the message's own register says otherwise.
        ("Wh", "1", "21", 21_000, "meter_reset"),
    ],
)
def test_a_unit_off_by_a_thousand(unit, begins, ends, meter_stop, reason):
    station = old()
    allow(station, "A1")
    number = begin(station, meter=1000)["transactionId"]
    station.later(3600)
    data = [
        {
            "timestamp": zulu(NOON if context.endswith("Begin") else station.now),
            "sampledValue": [{"value": value, "unit": unit, "context": context}],
        }
        for value, context in (
            (begins, "Transaction.Begin"),
            (ends, "Transaction.End"),
        )
    ]
    stop(station, number, meter_stop, transactionData=data)

    assert Transaction.objects.get().review_reason == reason


@at_database
def test_meter_values_on_connector_0():
    station = old()
    allow(station, "A1")
    number = begin(station)["transactionId"]
    station.later(60)
    values(station, {"value": "900000"}, connector=0)

    assert Transaction.objects.get().last_energy_wh is None
    assert MeterValue.objects.get().transaction_id is None
    station.later(60)
    values(station, {"value": "500"}, connector=0, number=number)
    assert Transaction.objects.get().last_energy_wh == 500


@at_database
def test_a_status_of_evse_0_is_the_stations():
    station = Station("2.0.1", now=NOON)
    sent = {
        "timestamp": zulu(NOON),
        "connectorStatus": "Faulted",
        "evseId": 0,
        "connectorId": 0,
    }

    assert station.call("StatusNotification", sent) == {}
    assert ChargePoint.objects.get(pk=station.id).status == "faulted"
    words = Connector.objects.filter(charge_point_id=station.id)
    assert set(words.values_list("status", flat=True)) == {"unknown"}


# -- time ----------------------------------------------------------------------------


@at_database
@pytest.mark.parametrize("text", ["1970-01-01T00:03:00Z", "2000-01-01T00:00:00Z"])
def test_a_clock_of_1970_is_no_offline_start(text):
    station = old()
    allow(station, "A1", status="blocked")
    sent = {"connectorId": 1, "idTag": "A1", "meterStart": 0, "timestamp": text}
    answer = station.call("StartTransaction", sent)

    assert answer["idTagInfo"]["status"] == "Blocked"
    row = Transaction.objects.get()
    assert (row.state, row.offline, row.started_at) == ("refused", False, NOON)
    assert "clock_not_set" in station.quirks


@at_database
def test_a_repeat_of_a_station_without_clock_is_a_repeat():
    station = old()
    allow(station, "A1")
    sent = {
        "connectorId": 1,
        "idTag": "A1",
        "meterStart": 0,
        "timestamp": "1970-01-01T00:03:00Z",
    }
    first = station.call("StartTransaction", sent)
    station.later(30)
    assert station.call("StartTransaction", sent) == first
    station.later(3600)
    stop(station, first["transactionId"], 500)
    station.later(60)
    # The next driver's charge in the very same words is another one.
    for _ in range(2):
        last = station.call("StartTransaction", sent)["transactionId"]
        assert last != first["transactionId"]

    assert Transaction.objects.count() == 2


@at_database
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_local_time_labelled_z_opens_no_door(version):
    # Five hours west of Greenwich, connected since yesterday: nothing is offline.
    station = Station(version, now=NOON)
    ChargePoint.objects.filter(pk=station.id).update(
        connected_at=NOON - timedelta(days=1), disconnected_at=None
    )
    allow(station, "A1", status="blocked")
    station.now = NOON - timedelta(hours=5)
    local = zulu(station.now)
    station.now = NOON
    if version == "1.6":
        sent = {"connectorId": 1, "idTag": "A1", "meterStart": 0, "timestamp": local}
        station.call("StartTransaction", sent)
    else:
        sent = {
            "eventType": "Started",
            "timestamp": local,
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "tx-1"},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": "A1", "type": "ISO14443"},
        }
        station.call("TransactionEvent", sent)

    row = Transaction.objects.get()
    assert (row.offline, row.started_by) == (False, "")


@at_database
def test_what_was_queued_while_the_line_was_down_is_offline():
    station = old()
    ChargePoint.objects.filter(pk=station.id).update(
        connected_at=NOON - timedelta(minutes=1), disconnected_at=None
    )
    begin(station, "NOBODY", at=NOON - timedelta(hours=5))

    row = Transaction.objects.get()
    assert (row.offline, row.started_by) == (True, "offline")


# -- transactions --------------------------------------------------------------------


@at_database
@pytest.mark.parametrize("number", [-1, 0, None])
def test_values_without_a_transaction_id(number):
    station = old()
    allow(station, "A1")
    begin(station)
    station.later(60)
    sent = {
        "connectorId": 1,
        "transactionId": number,
        "meterValue": [
            {"timestamp": zulu(station.now), "sampledValue": [{"value": "42"}]}
        ],
    }

    assert station.call("MeterValues", sent) == {}
    assert Transaction.objects.get().last_energy_wh == 42


@at_database
def test_a_reservation_of_0_is_none():
    station = old()
    allow(station, "A1")

    assert begin(station, reservationId=0)["idTagInfo"]["status"] == "Accepted"


@at_database
def test_a_stop_without_end_ends_once():
    station = old()
    allow(station, "A1")
    number = begin(station)["transactionId"]
    station.later(3600)
    for _ in range(5):
        station.later(10)
        assert stop(station, number, 5000, at=NOON + timedelta(hours=1)) == {}

    assert Transaction.objects.get().energy_wh == 5000
    assert EventRecord.objects.filter(topic="TransactionEnded").count() == 1


@at_database
@pytest.mark.parametrize("number", [-1, 0])
def test_a_stop_before_its_start_ends_it(number):
    station = old()
    begun, ended = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
    stop(station, number, 7000, at=ended, idTag="A1")
    station.later(5)
    allow(station, "A1")
    begin(station, meter=1000, at=begun)

    row = Transaction.objects.get()
    assert (row.state, row.ended_at, row.energy_wh) == ("ended", ended, 6000)
    assert (row.estimated, row.review_reason) == (False, "")
    topics = EventRecord.objects.filter(topic__startswith="Transaction")
    assert list(topics.order_by("id").values_list("topic", flat=True)) == [
        "TransactionStarted",
        "TransactionEnded",
    ]


@at_database
@pytest.mark.parametrize(
    ("token", "begun", "meter"),
    [
        ("A2", NOON - timedelta(hours=2), 1000),  # another token
        ("A1", NOON - timedelta(minutes=30), 1000),  # began after the stop
        ("A1", NOON - timedelta(hours=2), 9000),  # a register above the stop's
        ("A1", NOON - timedelta(days=9), 1000),  # far too long ago
    ],
)
def test_a_stop_before_another_start_ends_nothing(token, begun, meter):
    station = old()
    stop(station, -1, 7000, at=NOON - timedelta(hours=1), idTag="A1")
    allow(station, "A1", "A2")
    begin(station, token, meter=meter, at=begun)

    assert Transaction.objects.get().state == "active"


@at_database
def test_an_early_stop_is_used_once():
    station = old()
    stop(station, -1, 7000, at=NOON - timedelta(hours=1), idTag="A1")
    allow(station, "A1")
    begin(station, meter=1000, at=NOON - timedelta(hours=2))
    begin(station, meter=2000, at=NOON - timedelta(minutes=90), evse=2)

    states = Transaction.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["ended", "active"]


@at_database
def test_queued_statuses_before_queued_transactions():
    station = old()
    allow(station, "A1")
    begun, ended = NOON - timedelta(hours=3), NOON - timedelta(hours=2)
    for word, at in (("Preparing", begun), ("Charging", begun), ("Available", ended)):
        sent = {
            "connectorId": 1,
            "errorCode": "NoError",
            "status": word,
            "timestamp": zulu(at),
        }
        assert station.call("StatusNotification", sent) == {}
    number = begin(station, meter=100, at=begun)["transactionId"]
    stop(station, number, 4100, at=ended)

    row = Transaction.objects.get()
    assert (row.energy_wh, row.state, row.review_reason) == (4000, "ended", "")
    connector = Connector.objects.get(charge_point_id=station.id, evse_number=1)
    assert connector.status == "available"


@at_database
def test_a_backlog_of_hours():
    station = old()
    allow(station, "A1")
    numbers = []
    for hour in range(8, 2, -2):
        at = NOON - timedelta(hours=hour)
        number = begin(station, meter=hour * -1000 + 9000, at=at)["transactionId"]
        numbers.append(number)
    # All starts first, then values and stops of all: out of order between charges.
    for hour, number in zip(range(8, 2, -2), numbers, strict=True):
        at = NOON - timedelta(hours=hour - 1)
        values(station, {"value": str(hour * -1000 + 9500)}, number=number, at=at)
        stop(station, number, hour * -1000 + 10_000, at=at + timedelta(minutes=1))

    rows = Transaction.objects.order_by("started_at")
    assert [row.energy_wh for row in rows] == [1000] * 3
    assert [row.review_reason for row in rows] == [""] * 3
    assert [row.started_by for row in rows] == ["offline"] * 3
    assert not rows.filter(estimated=True).exists()


@at_database
@pytest.mark.parametrize("token", ["0" * 21, "04A2B3C4D5E680ABCDEF012345"])
def test_a_token_of_21_characters_charges(token):
    station = old()
    allow(station, token)

    assert begin(station, token)["idTagInfo"]["status"] == "Accepted"
    assert Transaction.objects.get().id_token == token
    assert "id_tag_too_long" in station.quirks


@at_database
def test_a_register_per_session():
    station = old()
    allow(station, "A1")
    for _ in range(2):
        number = begin(station, meter=0)["transactionId"]
        station.later(1800)
        values(station, {"value": "2500"}, number=number)
        station.later(1800)
        stop(station, number, 5000)
        station.later(60)

    rows = Transaction.objects.order_by("pk")
    assert [(row.energy_wh, row.review_reason) for row in rows] == [(5000, "")] * 2


@at_database
@pytest.mark.parametrize(
    ("meter_stop", "energy_wh", "reason", "estimated"),
    [(500, 2000, "meter_regression", False), (-1, 2000, "", True)],
)
def test_a_stop_below_its_start(meter_stop, energy_wh, reason, estimated):
    station = old()
    allow(station, "A1")
    number = begin(station, meter=1000)["transactionId"]
    station.later(1800)
    values(station, {"value": "3000"}, number=number)
    station.later(60)
    stop(station, number, meter_stop)

    row = Transaction.objects.get()
    assert (row.energy_wh, row.review_reason) == (energy_wh, reason)
    assert row.estimated is estimated


def tell_201(station, kind, seq_no, energy=None, context="Sample.Periodic", **more):
    sent = {
        "eventType": kind,
        "timestamp": zulu(station.now),
        "triggerReason": "Authorized",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 1, "connectorId": 1},
        **more,
    }
    if energy is not None:
        sample = {
            "value": energy,
            "context": context,
            "measurand": "Energy.Active.Import.Register",
        }
        sent["meterValue"] = [
            {"timestamp": zulu(station.now), "sampledValue": [sample]}
        ]
    return station.call("TransactionEvent", sent)


@at_database
def test_a_begin_of_0_bills_no_life():
    # 910 kWh were billed elsewhere for 0.083 kWh.
    station = Station("2.0.1", now=NOON)
    allow(station, "A1")
    token = {"idToken": "A1", "type": "ISO14443"}
    begin_0 = {"context": "Transaction.Begin", "offline": True, "idToken": token}
    tell_201(station, "Started", 0, 0, **begin_0)
    station.later(60)
    tell_201(station, "Updated", 1, 910_000)
    station.later(60)
    tell_201(station, "Ended", 2, 910_083, "Transaction.End")

    row = Transaction.objects.get()
    assert (row.energy_wh, row.review_reason) == (83, "begin_placeholder")


@at_database
def test_a_replay_after_ended_changes_nothing():
    station = Station("2.0.1", now=NOON)
    allow(station, "A1")
    token = {"idToken": "A1", "type": "ISO14443"}
    for _ in range(2):
        station.now = NOON
        tell_201(station, "Started", 0, 1000, "Transaction.Begin", idToken=token)
        station.later(600)
        tell_201(station, "Updated", 1, 1500)
        station.later(600)
        tell_201(station, "Ended", 2, 2000, "Transaction.End")

    row = Transaction.objects.get()
    assert (row.energy_wh, row.state) == (1000, "ended")
    assert EventRecord.objects.filter(topic="TransactionEnded").count() == 1
    assert not QuirkCount.objects.filter(quirk="repeated_event_differs").exists()


@at_database
def test_a_new_event_after_ended_is_kept_and_counted():
    station = Station("2.0.1", now=NOON)
    assert start(Station("2.0.1"), "NOBODY") == "Unknown"
    allow(station, "A1")
    token = {"idToken": "A1", "type": "ISO14443"}
    tell_201(station, "Started", 0, 1000, "Transaction.Begin", idToken=token)
    station.later(600)
    tell_201(station, "Ended", 1, 2000, "Transaction.End")
    station.later(60)
    tell_201(station, "Updated", 2, 9000)

    row = Transaction.objects.get(charge_point_id=station.id)
    assert row.energy_wh == 1000
    assert "event_after_end" in station.quirks
