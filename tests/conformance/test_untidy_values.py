"""What real stations do wrong with boots, message ids, values and times."""

from datetime import timedelta

import pytest

from charge_points.models import ChargePoint, Connector, MeterValue, Transaction
from tests.conformance.charging import allow
from tests.conformance.stations import Station
from tests.conformance.untidy import NOON, at_database, begin, old, stop, values, zulu


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
