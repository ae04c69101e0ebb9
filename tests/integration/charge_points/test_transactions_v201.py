"""Charges as 2.0.1 stations tell them."""

import pytest

from charge_points.models import PlugInEpisode, StartHandle, TransactionEvent
from charge_points.services import transactions
from tests.integration.charge_points.charges_v201 import (
    BEGIN,
    END,
    charge,
    check_whole_charge,
    tag,
)
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    energy,
    later,
    told,
)

__all__ = ["tag"]


def test_a_charge_one_event_at_a_time(station, tag):
    for event in charge(station, tag):
        answer = transactions.apply_events([event])[0]
        assert not answer.quirks
    check_whole_charge(station)
    assert told("TransactionEnded") == [
        {
            "transaction_id": station.transaction().pk,
            "order_number": None,
            "ended_at": "2026-05-04T12:30:00Z",
            "energy_wh": 3000,
            "stop_reason": "EVDisconnected",
            "estimated": False,
            "review_reason": None,
            "unplugged": True,
        }
    ]


def test_a_charge_told_in_one_set_in_any_order(station, tag):
    answers = transactions.apply_events(list(reversed(charge(station, tag))))
    assert answers[-1].authorization.accepted
    check_whole_charge(station)


def test_a_charge_told_backwards_ends_up_the_same(station, tag):
    for event in reversed(charge(station, tag)):
        transactions.apply_events([event])
    row = check_whole_charge(station)
    topics = told()
    assert topics.index("TransactionStarted") < topics.index("TransactionEnded")
    assert told("TransactionEnded")[-1]["energy_wh"] == 3000
    assert row.last_seq_no == 3


def test_repeats_change_nothing_and_are_answered_as_before(station, tag):
    events = charge(station, tag)
    transactions.apply_events(events)
    before = station.transaction().__dict__ | {"_state": None}
    answers = transactions.apply_events([*events, *events])
    assert all(answer.repeated for answer in answers)
    assert answers[0].authorization.accepted
    assert all(not answer.quirks for answer in answers)
    assert station.transaction().__dict__ | {"_state": None} == before
    assert told().count("TransactionStarted") == 1
    assert told().count("TransactionEnded") == 1


def test_the_same_number_with_another_payload_is_a_quirk(station, tag):
    transactions.apply_events(charge(station, tag))
    answer = station.tell(1, at=later(minutes=10), payload_hash="another")
    assert answer.repeated
    assert answer.quirks == ("repeated_event_differs",)


def test_a_repeat_within_one_set_is_one(station, tag):
    first = charge(station, tag)[0]
    answers = transactions.apply_events([first, first])
    assert [answer.repeated for answer in answers] == [False, True]
    assert TransactionEvent.objects.count() == 1


def test_gaps_in_the_numbers_are_noticed(station, tag):
    station.tell(0, "Started", id_token=tag)
    assert station.tell(3, at=later(minutes=3)).quirks == ("seq_no_gap",)
    assert station.tell(1, at=later(minutes=1)).quirks == ()


def test_many_stations_in_one_set(station, stranger, tag):
    other = [
        transactions.apply_events(charge(stranger, tag)[:1])[0],
        *transactions.apply_events([*charge(station, tag), *charge(stranger, tag)[1:]]),
    ]
    assert other[0].authorization.accepted
    assert station.transaction().energy_wh == 3000
    assert stranger.transaction().energy_wh == 3000


def test_a_missing_started_is_made_up_by_what_comes(station, tag):
    station.tell(
        4,
        at=later(minutes=5),
        id_token=tag,
        samples=[energy(1500, later(minutes=5))],
    )
    station.tell(
        5,
        "Ended",
        later(minutes=15),
        samples=[energy(2500, later(minutes=15))],
    )
    row = station.transaction()
    assert (row.started_at, row.energy_wh) == (later(minutes=5), 1000)
    assert row.review_reason == ""


def test_ended_may_carry_the_only_meter_values(station, tag):
    station.tell(0, "Started", id_token=tag)
    station.tell(
        1,
        "Ended",
        later(minutes=30),
        samples=[
            energy(1000, NOON, context=BEGIN),
            energy(9000, later(minutes=30), context=END),
        ],
    )
    assert station.transaction().energy_wh == 8000


def test_a_charge_without_any_meter_value_goes_to_a_person(station, tag):
    station.tell(0, "Started", id_token=tag)
    station.tell(1, "Ended", later(minutes=30))
    assert told("TransactionEnded")[0]["review_reason"] == "no_meter_values"


def test_cable_first_opens_no_order(station):
    answer = station.tell(0, "Started", trigger_reason="CablePluggedIn")
    assert answer.authorization is None
    assert PlugInEpisode.objects.get().started_by == "transaction"
    assert "TransactionStarted" not in told()


def test_the_order_attaches_by_its_token(station):
    station.tell(0, "Started", trigger_reason="CablePluggedIn")
    handle = station.ask_start(at=later(seconds=10), energy_limit_wh=5000)
    answer = station.tell(
        1,
        at=later(seconds=20),
        trigger_reason="RemoteStart",
        id_token=ORDER.lower(),
        id_token_type="Central",
        remote_start_id=handle.pk,
    )
    assert answer.authorization.accepted
    row = station.transaction()
    assert (row.order_number, row.energy_limit_wh) == (ORDER, 5000)
    assert row.remote_start_id == handle.pk
    assert StartHandle.objects.get().transaction_id == row.pk
    payload = told("TransactionOrderAttached")[0]
    assert (payload["order_number"], payload["started_by"]) == (ORDER, "order")
    assert payload["started_at"] == "2026-05-04T12:00:00Z"


def test_the_order_attaches_by_the_remote_starts_number(station):
    handle = station.ask_start()
    answer = station.tell(
        0, "Started", trigger_reason="RemoteStart", remote_start_id=handle.pk
    )
    assert answer.authorization is None
    row = station.transaction()
    assert (row.order_number, row.id_token) == (ORDER, ORDER)
    assert told("TransactionStarted")[0]["order_number"] == ORDER


def test_another_stations_remote_start_attaches_nothing(station, stranger):
    handle = station.ask_start()
    stranger.tell(0, "Started", remote_start_id=handle.pk)
    assert stranger.transaction().order_number is None
    assert StartHandle.objects.get().state == "pending"


def test_an_unknown_remote_start_attaches_nothing(station):
    station.tell(0, "Started", remote_start_id=4711)
    assert station.transaction().order_number is None


def test_a_token_that_comes_later_starts_the_charge_for_billing(station, tag):
    station.tell(0, "Started", trigger_reason="CablePluggedIn")
    answer = station.tell(1, at=later(minutes=1), id_token=tag)
    assert answer.authorization.accepted
    assert told("TransactionStarted")[0]["started_by"] == "token"


def test_a_refused_token_bills_nobody_and_another_one_may_follow(station, tag):
    answer = station.tell(0, "Started", id_token="nobody")
    assert answer.authorization.status == "Invalid"
    assert told("TransactionStarted") == []
    again = station.tell(1, at=later(minutes=1), id_token=tag)
    assert again.authorization.accepted
    assert told("TransactionStarted")[0]["id_token"] == "TAG"


def test_energy_without_any_token_is_shown_to_a_person(station):
    station.tell(0, "Started", samples=[energy(0, NOON, context=BEGIN)])
    station.tell(
        1, "Ended", later(minutes=30), samples=[energy(500, later(minutes=30))]
    )
    assert station.transaction().review_reason == "no_token"
    assert "TransactionEnded" not in told()


def test_an_event_whose_token_needs_no_answer(station):
    answer = station.tell(
        0, "Started", id_token="none", id_token_type="NoAuthorization"
    )
    assert answer.authorization is None


@pytest.mark.parametrize(
    ("token", "status"), [("tag", "Accepted"), ("nobody", "Invalid")]
)
def test_a_token_in_a_running_charge_is_judged(station, tag, token, status):
    station.tell(0, "Started", id_token=tag)
    answer = station.tell(
        1, at=later(minutes=1), id_token=token, trigger_reason="StopAuthorized"
    )
    assert answer.authorization.status == status
    assert station.transaction().id_token == "TAG"


def test_one_charge_per_token_at_a_time(station, tag):
    station.tell(0, "Started", id_token=tag)
    answer = station.tell(0, "Started", ocpp_id="tx-2", evse=2, id_token=tag)
    assert answer.authorization.status == "ConcurrentTx"


def test_a_contract_certificate_is_plug_and_charge(station):
    allow("DE8AA1234567")
    station.tell(0, "Started", id_token="DE8AA1234567", id_token_type="eMAID")
    assert told("TransactionStarted")[0]["started_by"] == "plug_and_charge"
