from decimal import Decimal

import pytest

from charge_points.models import (
    MeterValue,
    PlugInEpisode,
    StartHandle,
    Transaction,
    TransactionEvent,
    TransactionPhase,
)
from charge_points.services import transactions
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    energy,
    later,
    told,
)

BEGIN = "Transaction.Begin"
END = "Transaction.End"


@pytest.fixture
def tag(station):
    allow("tag")
    return "tag"


def charge(station, tag, *, updates=2):
    """A usual charge: Started with token, samples, Ended."""
    events = [
        station.event(
            0,
            "Started",
            id_token=tag,
            id_token_type="ISO14443",
            samples=[energy(1000, NOON, context=BEGIN)],
        )
    ]
    for number in range(1, updates + 1):
        at = later(minutes=10 * number)
        events.append(
            station.event(
                number,
                at=at,
                charging_state="Charging",
                samples=[energy(1000 + 1000 * number, at)],
            )
        )
    end = later(minutes=10 * (updates + 1))
    events.append(
        station.event(
            updates + 1,
            "Ended",
            end,
            stopped_reason="EVDisconnected",
            samples=[energy(1000 + 1000 * (updates + 1), end, context=END)],
        )
    )
    return events


def check_whole_charge(station):
    row = station.transaction()
    assert (row.state, row.energy_wh, row.started_by) == ("ended", 3000, "token")
    assert (row.estimated, row.review_reason) == (False, "")
    assert row.started_at == NOON
    assert told("TransactionStarted")[0]["id_token"] == "TAG"
    assert MeterValue.objects.filter(transaction_id=row.pk).count() == 4
    return row


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


def test_what_was_queued_offline_is_accepted_as_it_comes(station):
    allow("tag", "blocked")
    answer = station.tell(
        0, "Started", NOON, received_at=later(hours=2), id_token="tag"
    )
    assert answer.authorization.status == "Blocked"
    assert told("TransactionStarted")[0]["started_by"] == "offline"


def test_an_ended_that_names_nobody_before_the_started_that_does(station, tag):
    events = charge(station, tag)
    transactions.apply_events([events[-1]])
    assert told("TransactionEnded") == []
    transactions.apply_events([events[0]])
    assert told("TransactionStarted")[0]["started_at"] == "2026-05-04T12:00:00Z"
    assert told("TransactionEnded")[0]["energy_wh"] == 3000


def test_late_values_after_the_end_correct_it_when_they_change_it(station, tag):
    station.tell(
        0, "Started", id_token=tag, samples=[energy(1000, NOON, context=BEGIN)]
    )
    station.tell(2, "Ended", later(minutes=30))
    row = station.transaction()
    assert (row.energy_wh, row.estimated) == (0, True)
    answer = station.tell(
        1, at=later(minutes=20), samples=[energy(4000, later(minutes=20))]
    )
    assert answer.quirks == ("event_after_end",)
    row.refresh_from_db()
    assert row.energy_wh == 3000
    assert told("TransactionCorrected") == [
        {"transaction_id": row.pk, "order_number": None}
    ]


def test_late_values_that_change_nothing_are_kept_quietly(station, tag):
    events = charge(station, tag)
    transactions.apply_events([events[0], events[2], events[3]])
    transactions.apply_events([events[1]])
    assert "TransactionCorrected" not in told()
    assert MeterValue.objects.count() == 4


def test_the_ended_of_a_charge_that_was_closed_silently_corrects_it(station, tag):
    station.tell(
        0, "Started", id_token=tag, samples=[energy(1000, NOON, context=BEGIN)]
    )
    transactions.close_silent(at=later(days=2))
    station.tell(
        1,
        "Ended",
        later(hours=1),
        received_at=later(days=3),
        samples=[energy(5000, later(hours=1), context=END)],
    )
    row = station.transaction()
    assert (row.energy_wh, row.estimated) == (4000, False)
    assert len(told("TransactionCorrected")) == 1


def test_charging_states_become_phases(station, tag):
    station.tell(0, "Started", id_token=tag, charging_state="EVConnected")
    station.tell(1, at=later(minutes=1), charging_state="Charging")
    station.tell(2, at=later(minutes=2), charging_state="Charging")
    station.tell(3, at=later(minutes=9), charging_state="SuspendedEV")
    phases = TransactionPhase.objects.order_by("starts_at")
    assert [(p.state, p.starts_at) for p in phases] == [
        ("charging", later(minutes=1)),
        ("parking", later(minutes=9)),
    ]


def test_an_idle_state_is_an_unplug(station, tag):
    station.tell(0, "Started", id_token=tag, trigger_reason="CablePluggedIn")
    station.tell(1, at=later(minutes=5), charging_state="Idle")
    assert told("Unplugged")[0]["at"] == "2026-05-04T12:05:00Z"
    assert PlugInEpisode.objects.get().ended_at == later(minutes=5)


def test_the_evse_may_be_named_later(station, tag):
    station.tell(0, "Started", evse=0, connector=0)
    assert station.transaction().connector_id is None
    station.tell(1, at=later(minutes=1), evse=2, connector=1, id_token=tag)
    assert station.transaction().connector_id == station.connector(2).pk


def test_a_limit_is_enforced_by_events_too(station):
    from charge_points.models import Command  # noqa: PLC0415

    handle = station.ask_start(energy_limit_wh=2000)
    station.tell(
        0,
        "Started",
        id_token=ORDER,
        remote_start_id=handle.pk,
        samples=[energy(1000, NOON, context=BEGIN)],
    )
    station.tell(1, at=later(minutes=9), samples=[energy(3000, later(minutes=9))])
    command = Command.objects.get(intent="stop")
    assert command.arguments["transaction_id"] == "tx-1"


def test_transaction_ids_of_different_stations_do_not_meet(station, stranger, tag):
    station.tell(0, "Started", id_token=tag)
    stranger.tell(0, "Started", ocpp_id="tx-1")
    assert Transaction.objects.filter(ocpp_id="tx-1").count() == 2


def test_registers_are_exact(station, tag):
    station.tell(
        0, "Started", id_token=tag, samples=[energy("0.1", NOON, context=BEGIN)]
    )
    station.tell(
        1,
        "Ended",
        later(minutes=30),
        samples=[energy("0.4", later(minutes=30), context=END)],
    )
    assert station.transaction().energy_wh == Decimal("0.3")
