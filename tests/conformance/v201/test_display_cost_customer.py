"""OCPP 2.0.1, blocks I, N and O, and status questions, through the real handlers."""

from datetime import timedelta
from decimal import Decimal

import pytest

from charge_points.models import (
    Command,
    CustomerInformation,
    DisplayMessage,
    Transaction,
)
from charge_points.services import customer_information, tariff_texts
from charge_points.services.facts import VariableFact
from charge_points.services.variables import record
from tests.conformance.charging import allow, start
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


@pytest.fixture
def station():
    return Station("2.0.1")


def message(key=1, content="Hello", **more):
    return {
        "id": key,
        "priority": "NormalCycle",
        "message": {"format": "UTF8", "content": content, "language": "en"},
        **more,
    }


def shown(station):
    rows = DisplayMessage.objects.filter(charge_point_id=station.id, state="set")
    return {row.message_id: row.content for row in rows}


def put(station, status="Accepted", **more):
    sent = {"message": message(**more)}
    station.answer("SetDisplayMessage", sent, {"status": status})


def test_an_accepted_message_is_kept_and_replaced_by_its_id_o01_o06(station):
    put(station)
    put(station, content="Again", state="Idle", endDateTime=station.stamp)
    put(station, "NotSupportedPriority", key=2)

    row = DisplayMessage.objects.get()
    assert (row.content, row.shown_in, row.ends_at) == ("Again", "Idle", station.now)


def test_a_certificates_address_is_not_kept(station):
    put(station, content="EVSE 1: https://charge.test/c/SECRETCODE")

    assert shown(station) == {1: "***"}


@pytest.mark.parametrize("word", ["Accepted", "Unknown"])
def test_a_cleared_message_is_gone_o05(station, word):
    put(station)
    station.answer("ClearDisplayMessage", {"id": 1}, {"status": word})

    assert shown(station) == {}


def test_the_list_that_the_station_tells_counts_o03(station):
    put(station)
    asked = {"requestId": 7}
    station.answer("GetDisplayMessages", asked, {"status": "Accepted"})
    told = {"requestId": 7, "messageInfo": [message(content="Changed"), message(5)]}

    assert station.call("NotifyDisplayMessages", told) == {}
    assert shown(station) == {1: "Changed", 5: "Hello"}


def test_no_messages_means_none_of_those_asked_for_o04(station):
    put(station)
    put(station, key=2)
    station.answer(
        "GetDisplayMessages", {"requestId": 1, "id": [2]}, {"status": "Unknown"}
    )

    assert set(shown(station)) == {1}


# -- I: cost ---------------------------------------------------------------------


def charge(station):
    allow(station, "A1")
    start(station, "A1")
    return Transaction.objects.get(charge_point_id=station.id)


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


# -- N: customer information ---------------------------------------------------------


def ask_customer(station, status="Accepted", *, report=True, clear=False):
    sent = {"requestId": 3, "report": report, "clear": clear}
    station.answer("CustomerInformation", sent, {"status": status})


def tell_customer(station, seq_no, text, tbc):
    told = {
        "requestId": 3,
        "seqNo": seq_no,
        "data": text,
        "tbc": tbc,
        "generatedAt": station.stamp,
    }
    assert station.call("NotifyCustomerInformation", told) == {}


def test_a_report_comes_in_parts_of_any_order_n09(station):
    ask_customer(station)
    tell_customer(station, 1, "world", tbc=False)
    assert CustomerInformation.objects.get().state == "accepted"
    tell_customer(station, 0, "hello ", tbc=True)
    tell_customer(station, 0, "hello again ", tbc=True)

    row = CustomerInformation.objects.get()
    assert (row.state, row.text) == ("complete", "hello world")


def test_clearing_alone_is_complete_at_once_n10(station):
    ask_customer(station, report=False, clear=True)

    row = CustomerInformation.objects.get()
    assert (row.state, row.is_clear) == ("complete", True)


@pytest.mark.parametrize("word", ["Rejected", "Invalid"])
def test_a_refused_request_says_so(station, word):
    ask_customer(station, word)

    row = CustomerInformation.objects.get()
    assert (row.state, row.status_text) == ("refused", word)


def test_personal_data_are_dropped_after_their_time(station):
    ask_customer(station)
    assert customer_information.forget(at=station.now) == 0
    later = station.now + customer_information.RETENTION + timedelta(days=1)

    assert customer_information.forget(at=later) == 1


# -- E14, C11, B08 ------------------------------------------------------------------


def test_a_charge_that_the_station_lost_is_closed_e14(station):
    row = charge(station)
    asked = {"transactionId": row.ocpp_id}
    waiting = {"ongoingIndicator": False, "messagesInQueue": True}
    station.answer("GetTransactionStatus", asked, waiting)
    row.refresh_from_db()
    assert row.state == "active"

    lost = {"ongoingIndicator": False, "messagesInQueue": False}
    station.answer("GetTransactionStatus", asked, lost)

    row.refresh_from_db()
    assert (row.state, row.stop_reason, row.estimated) == ("ended", "NotOngoing", True)


@pytest.mark.parametrize(("word", "good"), [("Accepted", True), ("Rejected", False)])
def test_the_cache_is_cleared_c11(station, word, good):
    assert station.answer("ClearCache", {}, {"status": word}).accepted is good


@pytest.mark.parametrize(
    ("word", "good"), [("Accepted", True), ("EmptyResultSet", False)]
)
def test_a_custom_report_is_asked_for_b08(station, word, good):
    sent = {"requestId": 1, "componentCriteria": ["Problem"]}
    assert station.answer("GetReport", sent, {"status": word}).accepted is good


# -- C: who may charge where ----------------------------------------------------------


def test_a_master_pass_is_authorized_and_starts_nothing_c16(station):
    allow(station, "MASTER", stop_only=True, group="GUARDS")
    asked = {"idToken": {"idToken": "MASTER", "type": "ISO14443"}}

    info = station.call("Authorize", asked)["idTokenInfo"]
    assert info["status"] == "Accepted"
    assert info["groupIdToken"]["idToken"] == "GUARDS"
    assert start(station, "MASTER") == "Invalid"


def test_a_token_of_other_sites_is_refused(station):
    allow(station, "A1", allowed_site_ids=[0])
    asked = {"idToken": {"idToken": "A1", "type": "ISO14443"}}

    answer = station.call("Authorize", asked)["idTokenInfo"]
    assert answer["status"] == "NotAtThisLocation"
    assert start(station, "A1") == "NotAtThisLocation"


def test_16_says_blocked_where_it_has_no_word():
    station = Station("1.6")
    allow(station, "A1", allowed_site_ids=[0])

    answer = station.call("Authorize", {"idTag": "A1"})
    assert answer["idTagInfo"]["status"] == "Blocked"
