"""What real stations do wrong with charges."""

from datetime import timedelta

import pytest

from charge_points.models import Connector, QuirkCount, Transaction
from cpms.outbox.models import EventRecord
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station
from tests.conformance.untidy import NOON, at_database, begin, old, stop, values, zulu


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
