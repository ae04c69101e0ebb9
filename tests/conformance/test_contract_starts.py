"""Charges that a vehicle's contract starts, in both versions."""

import pytest

from charge_points.models import Transaction
from charge_points.services import id_tokens
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db
EMAID = "DE8AA1A2B3C4D59"


def policy(station, **more):
    id_tokens.put_policy(
        token=EMAID,
        token_type="eMAID",
        status="accepted",
        operator_id=None,
        at=station.now,
        **more,
    )


def test_a_charge_by_contract_is_plug_and_charge():
    station = Station("2.0.1")
    policy(station, driver_id=7, account_state="ok")
    sent = {
        "eventType": "Started",
        "timestamp": station.stamp,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "pnc-1", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "DE-8AA-1A2B3C4D5-9", "type": "eMAID"},
    }

    answer = station.call("TransactionEvent", sent)

    assert answer["idTokenInfo"]["status"] == "Accepted"
    row = Transaction.objects.get()
    assert (row.started_by, row.id_token) == ("plug_and_charge", EMAID)


def test_a_charge_by_contract_is_plug_and_charge_in_1_6_too():
    station = Station("1.6")
    policy(station, driver_id=7, account_state="ok")
    sent = {
        "connectorId": 1,
        "idTag": "DE-8AA-1A2B3C4D5-9",
        "meterStart": 0,
        "timestamp": station.stamp,
    }

    answer = station.call("StartTransaction", sent)

    assert answer["idTagInfo"]["status"] == "Accepted"
    row = Transaction.objects.get()
    assert (row.started_by, row.id_token_type) == ("plug_and_charge", "eMAID")
    assert row.id_token == EMAID


@pytest.mark.parametrize("kind", ["KeyCode", "ISO14443", "Central"])
def test_the_number_of_a_contract_opens_nothing_without_the_vehicle(kind):
    station = Station("2.0.1")
    policy(station, driver_id=7, account_state="ok")
    token = {"idToken": EMAID, "type": kind}
    sent = {
        "eventType": "Started",
        "timestamp": station.stamp,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "typed", "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": token,
    }

    assert station.call("Authorize", {"idToken": token})["idTokenInfo"]["status"] == (
        "Invalid"
    )
    assert station.call("TransactionEvent", sent)["idTokenInfo"]["status"] == "Invalid"
    assert Transaction.objects.get().started_by == ""
