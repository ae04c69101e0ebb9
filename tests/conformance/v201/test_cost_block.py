"""OCPP 2.0.1, block I: running and final cost, and prices on displays."""

from decimal import Decimal

import pytest

from charge_points.models import Command, Transaction
from charge_points.services import tariff_texts
from charge_points.services.facts import VariableFact
from charge_points.services.variables import record
from tests.conformance.charging import allow, charge, start

pytestmark = pytest.mark.django_db


def shows_cost(station):
    fact = VariableFact(
        component="TariffCostCtrlr",
        variable="Available",
        variable_instance="Cost",
        value="true",
    )
    record(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        facts=[fact],
        source="test",
        at=station.now,
    )


def put_cost(station, row, minor):
    return tariff_texts.put_running_cost(
        transaction_id=row.pk, total_minor=minor, currency="EUR", at=station.now
    )


def update(station, row, seq_no=1):
    return station.call(
        "TransactionEvent",
        {
            "eventType": "Updated",
            "timestamp": station.stamp,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": row.ocpp_id},
        },
    )


def test_the_running_cost_is_told_exactly_i02(station):
    row = charge(station)
    shows_cost(station)
    assert "totalCost" not in update(station, row)

    assert put_cost(station, row, 1234)

    command = Command.objects.get(intent="cost_updated")
    action, payload = station.word(command.intent, command.arguments)
    assert action == "CostUpdated"
    assert payload == {"totalCost": Decimal("12.34"), "transactionId": row.ocpp_id}
    assert station.answer(action, payload, {}).accepted
    assert update(station, row, 2)["totalCost"] == Decimal("12.34")


def test_the_display_changes_at_most_twice_a_minute(station):
    row = charge(station)
    shows_cost(station)
    assert put_cost(station, row, 100)
    station.later(5)
    assert not put_cost(station, row, 200)
    assert update(station, row)["totalCost"] == Decimal("2.00")
    station.later(30)

    assert put_cost(station, row, 300)


def test_a_station_without_cost_display_is_not_asked(station):
    row = charge(station)

    assert not put_cost(station, row, 100)
    assert not Command.objects.exists()


def put_bill(station, row, minor):
    return tariff_texts.put_final_cost(
        transaction_id=row.pk,
        total_minor=minor,
        currency="EUR",
        text="12,34 EUR",
        receipt_url="",
        at=station.now,
    )


def end(station, row, seq_no=5):
    station.later(60)
    return station.call(
        "TransactionEvent",
        {
            "eventType": "Ended",
            "timestamp": station.stamp,
            "triggerReason": "EVCommunicationLost",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": row.ocpp_id, "stoppedReason": "Local"},
        },
    )


def test_the_final_cost_is_told_when_the_bill_is_there_i03(station, monkeypatch):
    row = charge(station)
    shows_cost(station)
    put_cost(station, row, 100)
    # The bill comes while the station waits for its answer.
    monkeypatch.setattr(
        tariff_texts.time, "sleep", lambda _: put_bill(station, row, 1234)
    )

    assert end(station, row)["totalCost"] == Decimal("12.34")
    assert end(station, row)["totalCost"] == Decimal("12.34")


def test_a_free_charge_costs_nothing_in_so_many_words_i03(station, monkeypatch):
    row = charge(station)
    shows_cost(station)
    monkeypatch.setattr(tariff_texts.time, "sleep", lambda _: put_bill(station, row, 0))

    assert end(station, row)["totalCost"] == Decimal(0)


def test_a_bill_that_takes_too_long_is_left_out_i03(station, monkeypatch):
    monkeypatch.setattr(tariff_texts, "FINAL_WITHIN_S", 0.0)
    row = charge(station)
    shows_cost(station)
    put_cost(station, row, 100)

    assert "totalCost" not in end(station, row)


def test_nobody_waits_for_a_bill_that_nobody_sees(station, monkeypatch):
    def never(_seconds):
        raise AssertionError("this station shows no cost")

    monkeypatch.setattr(tariff_texts.time, "sleep", never)

    assert "totalCost" not in end(station, charge(station))


def test_nobody_waits_for_the_bill_of_a_refused_charge(station, monkeypatch):
    monkeypatch.setattr(tariff_texts.time, "sleep", lambda _: 1 / 0)
    shows_cost(station)
    allow(station, "A1", status="blocked")
    start(station, "A1")

    assert "totalCost" not in end(station, Transaction.objects.get())


def test_the_running_cost_never_follows_the_bill(station):
    row = charge(station)
    shows_cost(station)
    put_bill(station, row, 1234)
    station.later(60)

    assert not put_cost(station, row, 100)
    assert update(station, row)["totalCost"] == Decimal("12.34")


def shows_tariff(station):
    fact = VariableFact(
        component="TariffCostCtrlr",
        variable="Enabled",
        variable_instance="Tariff",
        value="true",
    )
    record(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        facts=[fact],
        source="test",
        at=station.now,
    )


def put_price(station, text="0,50 EUR/kWh"):
    return tariff_texts.put_user_price(
        charge_point_id=station.id,
        id_token="A1",
        text=text,
        key="ORDER1",
        at=station.now,
    )


def test_the_drivers_own_price_goes_with_one_answer_i01(station):
    row = charge(station)
    shows_tariff(station)
    Transaction.objects.update(order_number="ORDER1")

    assert put_price(station)
    message = update(station, row)["updatedPersonalMessage"]
    assert message == {"format": "UTF8", "content": "0,50 EUR/kWh"}
    assert "updatedPersonalMessage" not in update(station, row, 2)


def test_a_long_price_is_cut_to_what_the_message_holds(station):
    row = charge(station)
    shows_tariff(station)
    Transaction.objects.update(order_number="ORDER1")
    put_price(station, "x" * 600)

    content = update(station, row)["updatedPersonalMessage"]["content"]
    assert content == "x" * 512


def test_a_station_without_display_gets_no_message(station):
    row = charge(station)
    Transaction.objects.update(order_number="ORDER1")

    assert not put_price(station)
    assert "updatedPersonalMessage" not in update(station, row)


@pytest.mark.parametrize("minor", [-1])
def test_a_negative_cost_is_refused(station, minor):
    row = charge(station)
    with pytest.raises(tariff_texts.UnableToTellCost):
        put_cost(station, row, minor)
