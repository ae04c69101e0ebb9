"""The Open Charge Alliance's cost messages over 1.6 DataTransfer."""

import orjson
import pytest

from charge_points.models import ChargePoint, Command, Transaction
from charge_points.services import tariff_texts
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


@pytest.fixture
def station():
    station = Station("1.6")
    ChargePoint.objects.filter(pk=station.id).update(speaks_cost_messages=True)
    return station


def charge(station):
    allow(station, "A1")
    start(station, "A1")
    return Transaction.objects.get(charge_point_id=station.id)


def sent(station):
    row = Command.objects.get(charge_point_id=station.id)
    action, payload = station.word(row.intent, row.arguments)
    assert action == "DataTransfer"
    assert payload["vendorId"] == "org.openchargealliance.costmsg"
    return payload["messageId"], payload["data"]


def test_the_running_cost_is_an_exact_number(station):
    row = charge(station)

    assert tariff_texts.put_running_cost(
        transaction_id=row.pk, total_minor=810, currency="EUR", at=station.now
    )

    name, data = sent(station)
    assert name == "RunningCost"
    assert '"cost":8.10' in data
    assert orjson.loads(data)["transactionId"] == int(row.ocpp_id)


def test_the_final_cost_comes_with_its_text_and_receipt(station):
    row = charge(station)

    assert tariff_texts.put_final_cost(
        transaction_id=row.pk,
        total_minor=1000,
        currency="EUR",
        text="10.00 EUR for 20 kWh",
        receipt_url="https://charge.test/r/1",
        at=station.now,
    )

    name, data = sent(station)
    told = orjson.loads(data)
    assert name == "FinalCost"
    assert told["priceText"] == "10.00 EUR for 20 kWh"
    assert told["qrCodeText"].endswith("/r/1")


def test_a_drivers_own_price_is_shown(station):
    assert tariff_texts.put_user_price(
        charge_point_id=station.id,
        id_token="A1",
        text="0.40 EUR per kWh",
        key="1",
        at=station.now,
    )
    name, data = sent(station)
    assert (name, orjson.loads(data)["idToken"]) == ("SetUserPrice", "A1")


def test_a_station_that_does_not_speak_them_is_not_asked():
    station = Station("1.6")
    row = charge(station)

    assert not tariff_texts.put_running_cost(
        transaction_id=row.pk, total_minor=810, currency="EUR", at=station.now
    )
    assert not Command.objects.exists()
